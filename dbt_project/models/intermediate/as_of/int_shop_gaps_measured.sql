{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date'
) }}

{#
    The only measure of a user's features that other users have a say in. A user's gaps add up
    to the days from the first paid order to the last, and there is one fewer of them than days.
#}
with

buyers as (
    select
        as_of_date,
        last_paid_date - first_paid_date as gap_sum,
        paid_days - 1 as gaps
    from {{ ref('int_users_observed') }}
    where paid_days > 0
),

final as (
    select
        as_of_date,
        {{ share('sum(gap_sum)', 'sum(gaps)') }} as shop_gap_mean_days
    from buyers
    group by as_of_date
)

select * from final
