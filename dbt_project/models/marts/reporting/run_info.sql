{{ config(materialized='view') }}

with

runs as (
    select * from {{ source('control', 'run') }}
    where as_of_date in ({{ days_being_built() }})
),

tiers as (
    select
        as_of_date,
        max(model_version) as model_version,
        max(horizon_days) as horizon_days,
        count(*) as users_scored,
        count(case when risk_tier = 'high' then 1 end) as users_high,
        count(case when risk_tier = 'medium' then 1 end) as users_medium,
        count(case when risk_tier = 'low' then 1 end) as users_low
    from {{ ref('user_risk_tiers') }}
    group by as_of_date
),

final as (
    select
        -- ids and dates
        runs.run_id,
        runs.as_of_date,
        runs.epoch,
        runs.source,
        runs.kind,

        -- model
        tiers.model_version,
        '{{ checked_definition_id() }}' as definition_id,
        tiers.horizon_days,

        -- users
        tiers.users_scored,
        tiers.users_high,
        tiers.users_medium,
        tiers.users_low,

        -- refresh: of a daily run there is none
        false as is_intraday,
        cast(null as varchar) as derived_from_run_id,
        cast(null as date) as refreshed_as_of_date,
        cast(null as timestamp) as refreshed_at,
        cast(null as bigint) as users_refreshed
    from runs
    left join tiers using (as_of_date)
)

select * from final
