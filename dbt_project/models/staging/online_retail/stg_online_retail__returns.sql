with

cancelled_lines as (
    select * from {{ ref('stg_online_retail__invoice_lines') }}
    where line_kind = 'cancellation'
),

final as (
    select
        -- ids: a cancellation does not name the order that it takes back
        invoice_id || '-' || row_number() over (
            partition by invoice_id
            order by known_on, delivery_number, source_file, source_line
        ) as return_id,
        cast(null as varchar) as order_id,
        user_id,
        product_id,

        -- return
        invoiced_at as returned_at,
        cast(-quantity as bigint) as quantity,
        cast(-line_amount as decimal(18, 4)) as amount,
        cast(null as varchar) as reason,

        -- versions
        {{ shop_time('invoiced_at') }} as local_at,
        known_on,
        cast(null as date) as superseded_on,
        delivery_number as changed_by_delivery
    from cancelled_lines
)

select * from final
