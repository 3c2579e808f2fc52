with

recommended as (
    select * from {{ ref('int_products_filled_up') }}
    where purpose = 'serve'
),

catalogue as (
    select * from {{ ref('int_catalogue_known') }}
),

runs as (
    select
        as_of_date,
        run_id
    from {{ source('control', 'run') }}
),

final as (
    select
        -- ids and dates
        recommended.as_of_date,
        recommended.user_id,
        recommended.recommendation_rank,
        recommended.product_id,

        -- product
        catalogue.category,
        recommended.score,

        -- reason
        recommended.reason_code,
        recommended.reason_product_id,
        case recommended.reason_code
            when 'bought_again' then 'You bought it before'
            when 'bought_with'
                then concat(
                    'Liked by users who like ', reason_product_id, ', which you bought'
                )
            when 'liked_with'
                then concat(
                    'Liked by users who like ', reason_product_id,
                    ', which you looked at'
                )
            when 'popular_in_category' then 'Popular now in ' || reason_value
            when 'popular_in_country' then 'Popular now in ' || reason_value
            when 'popular' then 'Popular now'
        end as reason_sentence_en,
        case recommended.reason_code
            when 'bought_again' then '您以前买过'
            when 'bought_with'
                then '喜欢您买过的 ' || reason_product_id || ' 的顾客也喜欢它'
            when 'liked_with'
                then '喜欢您看过的 ' || reason_product_id || ' 的顾客也喜欢它'
            when 'popular_in_category' then reason_value || ' 类近期热销'
            when 'popular_in_country' then reason_value || ' 近期热销'
            when 'popular' then '近期热销'
        end as reason_sentence_zh,

        -- origin
        runs.run_id
    from recommended
    left join catalogue using (purpose, as_of_date, product_id)
    left join runs using (as_of_date)
)

select * from final
