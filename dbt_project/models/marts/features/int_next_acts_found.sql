{{ config(materialized='view') }}

with

windows_ended as (
    select
        as_of_date,
        label_known_on,
        max(horizon_days) as longest_days
    from {{ ref('int_label_windows_ended') }}
    group by as_of_date, label_known_on
),

acting_days as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as label_known_on,
        user_id,
        activity_date,
        paid_days
    from {{ ref('int_user_days') }}
    where
        {{ seen_by(as_of_date, 'activity_date') }}
        and active_days > 0
    {% endcall -%}
),

final as (
    select
        windows_ended.as_of_date,
        windows_ended.label_known_on,
        acting_days.user_id,
        min(acting_days.activity_date - windows_ended.as_of_date) as days_to_activity,
        min(
            case
                when acting_days.paid_days > 0
                    then acting_days.activity_date - windows_ended.as_of_date
            end
        ) as days_to_paid_order
    from windows_ended
    inner join acting_days
        on
            windows_ended.label_known_on = acting_days.label_known_on
            and windows_ended.as_of_date < acting_days.activity_date
            and windows_ended.as_of_date + windows_ended.longest_days
            >= acting_days.activity_date
    group by all
)

select * from final
