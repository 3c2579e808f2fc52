{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='as_of_date',
    on_schema_change='append_new_columns'
) }}

with

causes as (
    select * from {{ ref('int_alert_causes') }}
),

alert_rules as (
    select * from {{ ref('alert_rules') }}
    where is_enabled
),

tiers as (
    select * from {{ ref('user_risk_tiers') }}
),

users_not_profiled as (
    select * from {{ ref('int_users_not_profiled') }}
),

runs as (
    select
        as_of_date,
        run_id
    from {{ source('control', 'run') }}
),

worded as (
    select
        -- ids and dates
        md5(
            concat_ws(
                '/',
                '{{ var("source") }}', causes.user_id, causes.alert_kind,
                causes.since_date,
                case when causes.alert_kind = 'tier_rose' then tiers.risk_tier end
            )
        ) as alert_id,
        causes.as_of_date,
        {{ end_of_day('causes.as_of_date') }} as raised_at,
        causes.user_id,

        -- what and how bad
        causes.alert_kind,
        alert_rules.severity,
        tiers.risk_tier,
        tiers.previous_risk_tier,
        tiers.churn_probability,

        -- words
        {{ alert_worded('en') }} as reason_sentence_en,
        {{ alert_worded('zh') }} as reason_sentence_zh,
        causes.since_date,
        alert_rules.what_to_do_en,
        alert_rules.what_to_do_zh,

        -- origin
        runs.run_id
    from causes
    inner join alert_rules
        on
            causes.alert_kind = alert_rules.alert_kind
            and causes.since_date > causes.as_of_date - alert_rules.within_days
            and coalesce(causes.value, 0) >= alert_rules.threshold
            and coalesce(causes.quiet_minutes, 0) >= alert_rules.quiet_minutes
    {# who has no score has no alert #}
    inner join tiers
        on causes.as_of_date = tiers.as_of_date and causes.user_id = tiers.user_id
    left join runs on causes.as_of_date = runs.as_of_date
    where tiers.risk_tier is not null
),

allowed as (
    select * from worded
    anti join users_not_profiled using (as_of_date, user_id)
),

raised_before as (
    {%- if is_incremental() %}
    {%- for day in as_of_dates() %}
    select
        {{ day }} as as_of_date,
        alert_id
    from {{ this }}
    where as_of_date between {{ day }} - {{ alert_reach() }} and {{ day }} - 1
    {{ 'union all' if not loop.last }}
    {%- endfor %}
    {%- else %}
    select
        cast(null as date) as as_of_date,
        cast(null as varchar) as alert_id
    where false
    {%- endif %}
),

{# Each cause once: on the first day that saw it. #}
final as (
    select *
    from allowed
    anti join raised_before using (as_of_date, alert_id)
    qualify row_number() over (partition by alert_id order by as_of_date) = 1
)

select * from final
