{{ config(materialized='view') }}

{#
    The list, with a word on every user whom campaigns leave alone. A view, since who is held
    out today is known only when users were chosen.
#}
with

users_listed as (
    select * from {{ ref('int_users_at_risk_listed') }}
),

users_left_alone as (
    select * from {{ ref('int_users_left_alone') }}
),

final as (
    select
        users_listed.* exclude (horizon_days, model_version, run_id),

        -- campaigns
        users_left_alone.user_id is null as may_be_contacted,

        -- origin
        users_listed.horizon_days,
        users_listed.model_version,
        users_listed.run_id
    from users_listed
    left join users_left_alone
        on
            users_listed.as_of_date = users_left_alone.as_of_date
            and users_listed.user_id = users_left_alone.user_id
)

select * from final
