{#
    Neighbours of what a user likes, the best ten that are not barred; each with the liked
    product that spoke most for it.
#}
with

tastes as (
    select * from {{ ref('int_tastes_recent') }}
),

neighbours as (
    select * from {{ ref('int_product_neighbours') }}
),

barred as (
    select * from {{ ref('int_products_barred') }}
),

votes as (
    select
        tastes.purpose,
        tastes.as_of_date,
        tastes.user_id,
        neighbours.neighbour_id as product_id,
        tastes.taste_rank,
        cast(tastes.weight * neighbours.similarity as decimal(18, 9)) as vote
    from tastes
    inner join neighbours using (learned_on, product_id)
    where neighbours.neighbour_rank > 0 or tastes.bought_days > 0
),

scored as (
    select
        purpose,
        as_of_date,
        user_id,
        product_id,
        sum(vote) as score,
        arg_max(taste_rank, (vote, -taste_rank)) as taste_rank
    from votes
    group by purpose, as_of_date, user_id, product_id
),

ranked as (
    select
        scored.*,
        cast(row_number() over (
            partition by purpose, as_of_date, user_id
            order by score desc, product_id asc
        ) as integer) as match_rank
    from scored
    anti join barred using (purpose, as_of_date, user_id, product_id)
),

best as (
    select * from ranked
    where match_rank <= {{ recommendation_rules().per_user }}
),

final as (
    select
        best.purpose,
        best.as_of_date,
        best.user_id,
        best.product_id,
        best.match_rank,
        cast(best.score as double) as score,
        tastes.product_id as reason_product_id,
        tastes.bought_days > 0 as is_reason_bought
    from best
    inner join tastes using (purpose, as_of_date, user_id, taste_rank)
)

select * from final
