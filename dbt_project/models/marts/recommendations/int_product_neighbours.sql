{%- set rules = recommendation_rules() -%}
{#- weeks that no day of a run can look back at any more are let go -#}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='learned_on',
    post_hook="delete from {{ this }} where learned_on < date '{{ day_judged_by(
        week_of(checked_dates('as_of_dates') | min)
    ) }}' - 28"
) }}

{#
    Products that the same users like: users of both / (sqrt(users of one × users of the other)
    + shrinkage), the cosine of their users, shrunk so that a few users in common prove little
    (item-to-item collaborative filtering: Sarwar et al. 2001, Linden et al. 2003). What is
    bought again is a neighbour of itself, by the share of its buyers who do so.
#}
with

tastes as (
    select * from {{ ref('int_tastes_learned') }}
),

users_of_products as (
    select
        learned_on,
        product_id,
        count(*) as users,
        count(case when bought_days >= 1 then 1 end) as buyers,
        count(case when bought_days >= 2 then 1 end) as buyers_again
    from tastes
    group by learned_on, product_id
),

{# Numbers instead of names: millions of pairs are counted. #}
numbered_products as (
    select
        *,
        cast(row_number() over (order by learned_on, product_id) as integer)
            as product_number
    from users_of_products
    where users >= {{ rules.fewest_together }}
),

numbered_tastes as (
    select
        tastes.user_id,
        numbered_products.learned_on,
        numbered_products.product_number
    from tastes
    inner join numbered_products using (learned_on, product_id)
),

pairs as (
    select
        one.product_number,
        other.product_number as other_number,
        count(*) as users_together
    from numbered_tastes as one
    inner join numbered_tastes as other
        on
            one.learned_on = other.learned_on
            and one.user_id = other.user_id
            and one.product_number < other.product_number
    group by one.product_number, other.product_number
    having count(*) >= {{ rules.fewest_together }}
),

both_ways as (
    select * from pairs
    union all
    select
        other_number as product_number,
        product_number as other_number,
        users_together
    from pairs
),

compared as (
    select
        products.learned_on,
        products.product_id,
        others.product_id as neighbour_id,
        both_ways.users_together,
        both_ways.users_together / (
            sqrt(products.users * others.users) + {{ rules.shrinkage }}
        ) as similarity
    from both_ways
    inner join numbered_products as products
        on both_ways.product_number = products.product_number
    inner join numbered_products as others
        on both_ways.other_number = others.product_number
),

ranked as (
    select
        *,
        cast(row_number() over (
            partition by learned_on, product_id
            order by similarity desc, neighbour_id asc
        ) as integer) as neighbour_rank
    from compared
),

bought_again as (
    select
        learned_on,
        product_id,
        product_id as neighbour_id,
        buyers_again as users_together,
        buyers_again / cast(buyers + {{ rules.shrinkage }} as double) as similarity,
        0 as neighbour_rank
    from users_of_products
    where buyers_again >= {{ rules.fewest_together }}
),

final as (
    select * from ranked
    where neighbour_rank <= {{ rules.neighbours }}
    union all
    select * from bought_again
)

select * from final
