with

invoice_lines as (
    select * from {{ ref('stg_online_retail__invoice_lines') }}
),

repeated_lines as (
    select * from {{ source('control', 'exact_duplicates') }}
    where table_name = 'invoice_lines'
),

repeats_by_line as (
    select
        same_as_delivery_id as delivery_id,
        same_as_file as source_file,
        same_as_line as source_line,
        count(*) as repeats
    from repeated_lines
    group by same_as_delivery_id, same_as_file, same_as_line
),

final as (
    select
        line_kind,
        count(*) as lines,
        count(distinct invoice_id) as invoices,
        count(distinct user_id) as users,
        sum(line_amount) as line_amount,
        cast(coalesce(sum(repeats), 0) as bigint) as duplicate_lines,
        coalesce(sum(line_amount * repeats), 0) as duplicate_amount
    from invoice_lines
    left join repeats_by_line using (delivery_id, source_file, source_line)
    group by line_kind
)

select * from final
