with

final as (
    select
        line_kind,
        count(*) as lines,
        count(distinct invoice_id) as invoices,
        count(distinct user_id) as users,
        sum(line_amount) as line_amount
    from {{ ref('stg_online_retail__invoice_lines') }}
    group by line_kind
)

select * from final
