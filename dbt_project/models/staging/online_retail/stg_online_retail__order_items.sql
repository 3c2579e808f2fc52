with

paid_lines as (
    select * from {{ ref('stg_online_retail__invoice_lines') }}
    where line_kind = 'paid'
),

final as (
    select
        -- ids
        invoice_id as order_id,
        {# a line that comes later is numbered after those that were there #}
        row_number() over (
            partition by invoice_id
            order by known_on, delivery_number, source_file, source_line
        ) as line_number,
        product_id,

        -- line
        cast(quantity as bigint) as quantity,
        unit_price,

        -- versions
        known_on,
        cast(null as date) as superseded_on,
        delivery_number as changed_by_delivery
    from paid_lines
)

select * from final
