with

delivered_lines as (
    select * from {{ source('online_retail', 'invoice_lines') }}
),

renamed as (
    select
        -- ids
        "InvoiceNo" as invoice_id,
        "StockCode" as product_id,
        {# the publisher wrote the number as a float: 17850.0 #}
        regexp_replace("CustomerID", '\.0$', '') as user_id,

        -- line
        "Quantity" as quantity,
        cast("UnitPrice" as decimal(18, 4)) as unit_price,
        cast("Quantity" * "UnitPrice" as decimal(18, 4)) as line_amount,
        "Country" as country,
        "InvoiceDate" as invoiced_at,

        -- delivery
        known_on,
        delivery_id,
        delivery_number,
        source_file,
        source_line
    from delivered_lines
),

final as (
    select
        *,
        case
            when user_id is null then 'without_customer'
            when starts_with(invoice_id, 'C') then 'cancellation'
            when quantity > 0 and unit_price > 0 then 'paid'
            else 'not_paid_for'
        end as line_kind
    from renamed
)

select * from final
