with

paid_days as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        activity_date,
        net_amount
    from {{ ref('int_user_days') }}
    where
        {{ seen_by(as_of_date, 'activity_date') }}
        and paid_days > 0
    {% endcall -%}
),

gaps as (
    select
        *,
        activity_date - lag(activity_date) over (
            partition by as_of_date, user_id order by activity_date
        ) as gap_days
    from paid_days
    semi join {{ ref('int_users_observed') }} using (as_of_date, user_id)
),

{# Whole numbers are summed, so that the order of rows cannot change a digit. #}
summed as (
    select
        as_of_date,
        user_id,
        count(gap_days) as gaps,
        sum(gap_days) as gap_sum,
        sum(gap_days * gap_days) as gap_square_sum,
        max(gap_days) as longest_gap_days,
        arg_max(gap_days, activity_date) as last_gap_days,
        arg_max(net_amount, activity_date) as last_paid_day_amount,
        max(net_amount) as largest_paid_day_amount
    from gaps
    group by as_of_date, user_id
),

shop_gaps as (
    select * from {{ ref('int_shop_gaps_measured') }}
),

final as (
    select
        as_of_date,
        user_id,
        longest_gap_days,
        last_gap_days,
        last_paid_day_amount,
        largest_paid_day_amount,
        {{ share('gap_sum', 'gaps') }} as mean_gap_days,
        case
            when gaps >= 2 then sqrt(
                cast(gaps * gap_square_sum - gap_sum * gap_sum as double)
                / (gaps * (gaps - 1))
            )
        end as gap_deviation_days,
        {{ personal_window('gap_sum', 'gaps', 'shop_gap_mean_days') }}
            as personal_window_days
    from summed
    left join shop_gaps using (as_of_date)
)

select * from final
