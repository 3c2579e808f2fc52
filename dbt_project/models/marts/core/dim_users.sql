with

users as (
    select * from {{ staged('users') }}
    where superseded_on is null
),

first_days as (
    select
        user_id,
        min(activity_date) as first_active_date
    from {{ ref('int_user_days') }}
    where
        active_days > 0
        and superseded_on is null
    group by user_id
),

final as (
    select
        -- ids
        coalesce(users.user_id, first_days.user_id) as user_id,

        -- dates
        users.signed_up_at,
        first_days.first_active_date,

        -- profile
        users.country,
        users.region,
        users.city,
        users.language,
        users.birth_year,
        users.gender,
        users.acquisition_channel
    from users
    full outer join first_days on users.user_id = first_days.user_id
)

select * from final
