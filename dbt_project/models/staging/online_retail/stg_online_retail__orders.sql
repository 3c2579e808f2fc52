with

paid_lines as (
    select * from {{ ref('stg_online_retail__invoice_lines') }}
    where line_kind = 'paid'
),

{# Lines carry no key, so a line that comes later adds to its invoice. #}
added_by_day as (
    select
        invoice_id,
        known_on,
        min(user_id) as user_id,
        min(invoiced_at) as invoiced_at,
        sum(line_amount) as line_amount,
        max(delivery_number) as delivery_number
    from paid_lines
    group by invoice_id, known_on
),

invoice_versions as (
    select
        invoice_id,
        known_on,
        delivery_number,
        first_value(user_id) over known as user_id,
        min(invoiced_at) over known as invoiced_at,
        sum(line_amount) over known as line_amount,
        lead(known_on) over known as superseded_on,
        lead(delivery_number) over known as superseded_by
    from added_by_day
    window known as (partition by invoice_id order by known_on)
),

final as (
    select
        -- ids
        invoice_id as order_id,
        user_id,

        -- order
        invoiced_at as ordered_at,
        'paid' as status,
        cast(line_amount as decimal(18, 4)) as gross_amount,
        cast(0 as decimal(18, 4)) as discount_amount,
        'GBP' as currency,
        cast(null as varchar) as coupon_code,

        -- versions
        {{ shop_time('invoiced_at') }} as local_at,
        known_on,
        superseded_on,
        greatest(delivery_number, superseded_by) as changed_by_delivery
    from invoice_versions
)

select * from final
