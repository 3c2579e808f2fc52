{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='as_of_date',
    on_schema_change='append_new_columns'
) }}

with

users_scored as (
    select * from {{ ref('int_users_scored') }}
),

tiers_judged as (
    select * from {{ ref('int_tiers_judged') }}
),

users_valued as (
    select * from {{ ref('int_users_valued') }}
),

runs as (
    select
        as_of_date,
        run_id
    from {{ source('control', 'run') }}
),

tier_cutoffs as (
    select * from {{ ref('risk_tier_cutoffs') }}
),

{{ tiers_decided(judged='tiers_judged', cutoffs='tier_cutoffs', remembered=this) }},

final as (
    select
        -- ids and dates
        users_scored.as_of_date,
        users_scored.user_id,

        -- score
        users_scored.churn_probability,
        users_scored.churn_percentile,
        users_scored.churn_decile,

        -- tier
        users_valued.tier_mode,
        tiers_decided.* exclude (as_of_date, user_id),

        -- value and lifecycle
        users_valued.value_tier,
        users_valued.lifecycle_status,
        users_valued.value_if_staying,
        users_valued.predicted_value,
        users_valued.expected_gain,
        users_scored.net_amount_365d,
        users_scored.days_since_last_paid_order,
        users_scored.country,

        -- reasons
        {%- for place in [1, 2, 3] %}
        users_scored.reason_{{ place }}_code,
        users_scored.reason_{{ place }}_value,
        users_scored.reason_{{ place }}_contribution,
        {%- endfor %}

        -- origin
        users_scored.horizon_days,
        users_scored.model_version,
        runs.run_id
    from users_scored
    left join tiers_decided using (as_of_date, user_id)
    left join users_valued using (as_of_date, user_id)
    left join runs using (as_of_date)
)

select * from final
