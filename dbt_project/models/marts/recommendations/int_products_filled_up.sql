{#
    Ten products per user: what matches, then what is popular in the user's favourite category,
    in the country, and in the shop. New users have nothing that matches yet.
#}
{%- set rules = recommendation_rules() %}
with

users as (
    select * from {{ ref('int_users_to_recommend_to') }}
),

matched as (
    select * from {{ ref('int_products_matched') }}
),

barred as (
    select * from {{ ref('int_products_barred') }}
),

popular as (
    select * from {{ ref('int_products_popular') }}
),

catalogue as (
    select * from {{ ref('int_catalogue_known') }}
),

lacking as (
    select users.*
    from users
    left join matched
        on
            users.purpose = matched.purpose
            and users.as_of_date = matched.as_of_date
            and users.user_id = matched.user_id
            and matched.match_rank = {{ rules.per_user }}
    where matched.user_id is null
),

favourites as (
    select
        tastes.purpose,
        tastes.as_of_date,
        tastes.user_id,
        arg_max(catalogue.category, (tastes.weight, -tastes.taste_rank)) as category
    from {{ ref('int_tastes_recent') }} as tastes
    inner join catalogue using (purpose, as_of_date, product_id)
    where catalogue.category is not null
    group by tastes.purpose, tastes.as_of_date, tastes.user_id
),

scopes as (
    select
        lacking.*,
        'category' as scope,
        1 as scope_rank,
        favourites.category as scope_value
    from lacking
    inner join favourites using (purpose, as_of_date, user_id)
    union all
    select
        *,
        'country' as scope,
        2 as scope_rank,
        country as scope_value
    from lacking
    union all
    select
        *,
        'shop' as scope,
        3 as scope_rank,
        'all' as scope_value
    from lacking
),

candidates as (
    select
        purpose,
        as_of_date,
        user_id,
        product_id,
        0 as scope_rank,
        match_rank as place,
        score,
        case
            when reason_product_id = product_id then 'bought_again'
            when is_reason_bought then 'bought_with'
            else 'liked_with'
        end as reason_code,
        reason_product_id,
        cast(null as varchar) as reason_value
    from matched
    union all
    select
        scopes.purpose,
        scopes.as_of_date,
        scopes.user_id,
        popular.product_id,
        scopes.scope_rank,
        popular.popularity_rank as place,
        cast(null as double) as score,
        case scopes.scope
            when 'shop' then 'popular' else 'popular_in_' || scopes.scope
        end as reason_code,
        cast(null as varchar) as reason_product_id,
        nullif(scopes.scope_value, 'all') as reason_value
    from scopes
    inner join popular using (purpose, as_of_date, scope, scope_value)
    anti join barred using (purpose, as_of_date, user_id, product_id)
),

first_times as (
    select * from candidates
    qualify
        row_number() over (
            partition by purpose, as_of_date, user_id, product_id
            order by scope_rank
        ) = 1
),

ranked as (
    select
        *,
        cast(row_number() over (
            partition by purpose, as_of_date, user_id
            order by scope_rank, place
        ) as integer) as recommendation_rank
    from first_times
),

final as (
    select * from ranked
    where recommendation_rank <= {{ rules.per_user }}
)

select * from final
