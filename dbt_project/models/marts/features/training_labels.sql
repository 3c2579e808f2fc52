{#
    The variable `as_of_dates` names the days on which labels are taken: what a day knew of
    the time after each snapshot. Snapshots are the stored days of user_features.
#}
with

label_days as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select {{ as_of_date }} as label_known_on
    {% endcall -%}
),

horizons as (
    select distinct horizon_days
    from {{ ref('churn_definitions') }}
),

eligible_users as (
    select
        as_of_date,
        user_id
    from {{ ref('user_features') }}
    where is_eligible
),

snapshots as (
    select distinct as_of_date
    from eligible_users
),

{# Only windows that had ended when the label was taken: an open one proves nothing. #}
mature_windows as (
    select
        snapshots.as_of_date,
        horizons.horizon_days,
        label_days.label_known_on
    from snapshots
    cross join horizons
    cross join label_days
    where {{ is_training_snapshot() }}
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

acts_in_windows as (
    select
        mature_windows.as_of_date,
        mature_windows.horizon_days,
        mature_windows.label_known_on,
        acting_days.user_id,
        max(acting_days.paid_days) as bought
    from mature_windows
    inner join acting_days
        on
            mature_windows.label_known_on = acting_days.label_known_on
            and mature_windows.as_of_date < acting_days.activity_date
            and mature_windows.as_of_date + mature_windows.horizon_days
            >= acting_days.activity_date
    group by all
),

users_in_windows as (
    select *
    from eligible_users
    inner join mature_windows using (as_of_date)
    left join acts_in_windows
        using (as_of_date, user_id, horizon_days, label_known_on)
),

final as (
    select
        as_of_date,
        user_id,
        horizon_days,
        'paid_order' as label_kind,
        coalesce(bought, 0) = 0 as churned,
        label_known_on
    from users_in_windows
    union all
    select
        as_of_date,
        user_id,
        horizon_days,
        'any_activity' as label_kind,
        bought is null as churned,
        label_known_on
    from users_in_windows
)

select * from final
