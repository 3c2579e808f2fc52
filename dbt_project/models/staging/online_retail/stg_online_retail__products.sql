with

invoice_lines as (
    select * from {{ ref('stg_online_retail__invoice_lines') }}
),

final as (
    select
        -- ids
        product_id,

        -- product: codes such as POST, M or BANK CHARGES are charges, not goods
        case
            when not regexp_matches(product_id, '^[0-9]{5}') then 'charge'
        end as category,
        cast(null as varchar) as brand,
        cast(null as decimal(18, 4)) as list_price,

        -- versions
        min(known_on) as known_on,
        cast(null as date) as superseded_on,
        min(delivery_number) as changed_by_delivery
    from invoice_lines
    group by product_id
)

select * from final
