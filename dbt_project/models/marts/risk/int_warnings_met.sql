{{ config(materialized='view') }}

with

users_scored as (
    select * from {{ ref('int_users_scored') }}
),

enabled_rules as (
    select
        warning_rules.rule_code,
        warning_rules.rule_priority,
        warning_rules.threshold,
        warning_rules.paid_days_needed,
        tier_cutoffs.tier_rank
    from {{ ref('warning_rules') }} as warning_rules
    inner join {{ ref('risk_tier_cutoffs') }} as tier_cutoffs
        on warning_rules.minimum_tier = tier_cutoffs.risk_tier
    where warning_rules.is_enabled
),

final as (
    select
        users_scored.as_of_date,
        users_scored.user_id,
        enabled_rules.rule_code,
        enabled_rules.rule_priority,
        enabled_rules.tier_rank
    from users_scored
    inner join enabled_rules
        on users_scored.paid_days_365d >= enabled_rules.paid_days_needed
    where
        false
        {%- for rule_code, condition in warning_conditions().items() %}
        or (rule_code = '{{ rule_code }}' and {{ condition }})
        {%- endfor %}
)

select * from final
