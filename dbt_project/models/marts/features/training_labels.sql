with

{# The largest population that any definition may ask of. #}
users as (
    select
        as_of_date,
        user_id,
        personal_window_days
    from {{ ref('user_features') }}
    where days_since_last_paid_order < {{ labelled_days() }}
),

windows_ended as (
    select * from {{ ref('int_label_windows_ended') }}
),

next_acts as (
    select * from {{ ref('int_next_acts_found') }}
),

final as (
    select
        users.as_of_date,
        users.user_id,
        windows_ended.horizon_days,
        windows_ended.label_kind,
        {# who did nothing at all has no row of acts #}
        coalesce(
            case windows_ended.label_kind
                when 'paid_order'
                    then days_to_paid_order > windows_ended.horizon_days
                when 'any_activity'
                    then days_to_activity > windows_ended.horizon_days
                when 'personal'
                    then
                        days_to_paid_order
                        > least(personal_window_days, windows_ended.horizon_days)
            end,
            true
        ) as churned,
        windows_ended.label_known_on
    from users
    inner join windows_ended using (as_of_date)
    left join next_acts using (as_of_date, user_id, label_known_on)
    where
        windows_ended.label_kind <> 'personal'
        or users.personal_window_days is not null
)

select * from final
