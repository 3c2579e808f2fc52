{{ config(materialized='table') }}

with

{# The whole past of every user, as the day knew it. #}
lifetimes as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        min(case when active_days > 0 then activity_date end) as first_active_date,
        max(case when active_days > 0 then activity_date end) as last_active_date,
        min(case when paid_days > 0 then activity_date end) as first_paid_date,
        max(case when paid_days > 0 then activity_date end) as last_paid_date,
        max(case when events > 0 then activity_date end) as last_visit_date,
        max(case when cart_adds > 0 then activity_date end) as last_cart_date,
        max(case when returns > 0 then activity_date end) as last_return_date,
        max(case when reviews > 0 then activity_date end) as last_review_date,
        max(case when complaints > 0 then activity_date end) as last_complaint_date,
        max(case when touches_sent > 0 then activity_date end) as last_touch_date,
        sum(active_days) as active_days,
        sum(paid_days) as paid_days,
        sum(paid_orders) as paid_orders,
        sum(net_amount) as net_amount
    from {{ ref('int_user_days') }}
    where
        {{ seen_by(as_of_date, 'activity_date') }}
    group by user_id
    {% endcall -%}
),

final as (
    select * from lifetimes
    {# who did nothing for a year is no longer watched #}
    where last_active_date > as_of_date - 365
)

select * from final
