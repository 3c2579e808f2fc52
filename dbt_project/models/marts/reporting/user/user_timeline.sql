{{ config(materialized='view') }}

{% set kinds = {
    'order': ('paid_orders', 'net_amount'),
    'cancelled_order': ('cancelled_orders', none),
    'return': ('returns', 'refund_amount'),
    'visit': ('visits', none),
    'cart': ('cart_adds', none),
    'review': ('reviews', none),
    'message': ('messages', none),
    'complaint': ('complaints', none),
    'contact': ('touches_sent', none),
    'contact_opened': ('touches_opened', none),
    'contact_clicked': ('touches_clicked', none),
    'coupon': ('coupons_issued', none),
} %}

with

user_days as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        *
    from {{ ref('int_user_days') }}
    where
        {{ seen_by(as_of_date, 'activity_date', days=365) }}
    {% endcall -%}
),

users_listed as (
    select
        as_of_date,
        user_id
    from {{ ref('user_risk_tiers') }}
    where risk_tier in ('high', 'medium')
),

days_listed as materialized (
    select
        user_days.*,
        {# a shop without sessions still knows that somebody was there #}
        greatest(sessions, case when events > 0 then 1 else 0 end) as visits,
        user_messages - complaints as messages
    from user_days
    semi join users_listed
        on
            user_days.as_of_date = users_listed.as_of_date
            and user_days.user_id = users_listed.user_id
),

kinds as (
    {%- for kind, (times, amount) in kinds.items() %}
    select
        as_of_date,
        user_id,
        activity_date,
        '{{ kind }}' as kind,
        {{ times }} as times,
        cast({{ amount or 'null' }} as double) as amount
    from days_listed
    where {{ times }} > 0
    {{- ' union all' if not loop.last -}}
    {% endfor %}
),

final as (
    select
        as_of_date,
        user_id,
        activity_date as happened_on,
        kind,
        cast(times as integer) as times,
        amount
    from kinds
)

select * from final
