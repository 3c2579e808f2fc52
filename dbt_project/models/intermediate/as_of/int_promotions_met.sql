with

{# A promotion counts once per day on which it runs. #}
promotion_days as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        cast(unnest(generate_series(
            greatest(starts_on, {{ as_of_date }} - 364),
            least(ends_on, {{ as_of_date }}),
            interval 1 day
        )) as date) as promotion_date
    from {{ staged('promotions') }}
    where
        {{ seen_by(as_of_date, 'starts_on') }}
    {% endcall -%}
),

running as (
    select distinct
        as_of_date,
        promotion_date
    from promotion_days
),

final as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_days.user_id,
        sum(user_days.active_days) as active_days,
        sum(user_days.paid_orders) as paid_orders
    from {{ ref('int_user_days') }} as user_days
    inner join running
        on
            user_days.activity_date = running.promotion_date
            and running.as_of_date = {{ as_of_date }}
    where
        {{ seen_by(as_of_date, 'user_days.activity_date', days=365, alias='user_days') }}
    group by user_days.user_id
    {% endcall -%}
)

select * from final
