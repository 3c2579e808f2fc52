{#
    How many of the products that a user bought afterwards were among the ten, and how far up,
    for our recommendations and for what is most popular in the shop. Both leave out the same
    products. NDCG: each hit counts 1 / log2(rank + 1), against the best order possible
    (Järvelin and Kekäläinen 2002).
#}
{%- set rules = recommendation_rules() %}
with

barred as (
    select * from {{ ref('int_products_barred') }}
    where purpose = 'judge'
),

users as (
    select * from {{ ref('int_users_to_recommend_to') }}
    where purpose = 'judge'
),

wanted as (
    select to_come.*
    from {{ ref('int_purchases_to_come') }} as to_come
    semi join users using (as_of_date, user_id)
    anti join barred using (as_of_date, user_id, product_id)
),

most_popular as (
    select
        users.as_of_date,
        users.user_id,
        popular.product_id,
        row_number() over (
            partition by users.as_of_date, users.user_id
            order by popular.popularity_rank
        ) as recommendation_rank
    from users
    inner join {{ ref('int_products_popular') }} as popular
        on
            users.as_of_date = popular.as_of_date
            and popular.purpose = 'judge'
            and popular.scope = 'shop'
    anti join barred
        on
            users.as_of_date = barred.as_of_date
            and users.user_id = barred.user_id
            and popular.product_id = barred.product_id
),

lists as (
    select
        'recommended' as method,
        as_of_date,
        user_id,
        product_id,
        recommendation_rank
    from {{ ref('int_products_filled_up') }}
    where purpose = 'judge'
    union all
    select
        'most_popular' as method,
        as_of_date,
        user_id,
        product_id,
        recommendation_rank
    from most_popular
    where recommendation_rank <= {{ rules.per_user }}
),

hits as (
    select
        lists.as_of_date,
        lists.user_id,
        lists.method,
        sum(cast(
            1 / log2(lists.recommendation_rank + 1) as decimal(18, 12)
        )) as gain
    from lists
    inner join wanted using (as_of_date, user_id, product_id)
    group by lists.as_of_date, lists.user_id, lists.method
),

{# The best order puts what was bought, up to ten products, first. #}
best_gains as (
    {%- for wanted_products in range(1, rules.per_user + 1) %}
    select
        {{ wanted_products }} as wanted_products,
        cast(
            {%- for place in range(1, wanted_products + 1) %}
            {{ '+ ' if not loop.first }}1 / log2({{ place }} + 1)
            {%- endfor %}
            as decimal(18, 12)
        ) as best_gain
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

buyers as (
    select
        as_of_date,
        user_id,
        least(count(*), {{ rules.per_user }}) as wanted_products
    from wanted
    group by as_of_date, user_id
),

final as (
    select
        buyers.as_of_date,
        buyers.user_id,
        {%- for method in ['recommended', 'most_popular'] %}
        cast(
            coalesce(max(case when hits.method = '{{ method }}' then 1 end), 0)
            as decimal(18, 12)
        ) as {{ method }}_hit_rate_at_10,
        cast(
            coalesce(max(case when hits.method = '{{ method }}' then gain end), 0)
            / max(best_gains.best_gain) as decimal(18, 12)
        ) as {{ method }}_ndcg_at_10,
        {%- endfor %}
        max(buyers.wanted_products) as wanted_products
    from buyers
    inner join best_gains using (wanted_products)
    left join hits
        on
            buyers.as_of_date = hits.as_of_date
            and buyers.user_id = hits.user_id
    group by buyers.as_of_date, buyers.user_id
)

select * from final
