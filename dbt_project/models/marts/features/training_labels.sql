with

horizons as (
    select distinct horizon_days from {{ ref('churn_definitions') }}
),

{# Who could be labelled: the users of the snapshot, as that day knew them. #}
snapshot_users as (
    select as_of_date, user_id
    from {{ ref('int_users_observed') }}
),

{# Only windows that had ended when the label was taken: an open one proves nothing. #}
mature_windows as (
    select
        as_of_dates.as_of_date,
        horizons.horizon_days,
        {{ label_known_on() }} as label_known_on
    from {{ ref('int_as_of_dates') }} as as_of_dates
    cross join horizons
    where as_of_dates.as_of_date + horizons.horizon_days <= {{ label_known_on() }}
),

acting_days as (
    select user_id, activity_date, paid_days
    from {{ ref('int_user_days') }}
    where
        {{ seen_by(label_known_on(), 'activity_date') }}
        and active_days > 0
),

acts_in_windows as (
    select
        mature_windows.as_of_date,
        mature_windows.horizon_days,
        acting_days.user_id,
        max(acting_days.paid_days) as bought
    from mature_windows
    inner join acting_days
        on
            mature_windows.as_of_date < acting_days.activity_date
            and mature_windows.as_of_date + mature_windows.horizon_days
            >= acting_days.activity_date
    group by
        mature_windows.as_of_date, mature_windows.horizon_days, acting_days.user_id
),

users_in_windows as (
    select
        snapshot_users.as_of_date,
        snapshot_users.user_id,
        mature_windows.horizon_days,
        mature_windows.label_known_on,
        acts_in_windows.bought
    from snapshot_users
    inner join mature_windows using (as_of_date)
    left join acts_in_windows using (as_of_date, user_id, horizon_days)
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
