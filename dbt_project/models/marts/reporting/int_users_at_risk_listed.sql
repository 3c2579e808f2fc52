with

users_at_risk as (
    select * from {{ ref('user_risk_tiers') }}
    where risk_tier in ('high', 'medium')
),

reasons_worded as (
    select * from {{ ref('int_reasons_worded') }}
),

tier_sentences as (
    select * from {{ ref('int_tier_reasons_worded') }}
),

users_ranked as (
    select * from {{ ref('int_users_ranked') }}
),

final as (
    select
        -- ids and dates
        users_at_risk.as_of_date,
        users_at_risk.user_id,

        -- rank and score
        users_ranked.risk_rank,
        users_at_risk.churn_probability,
        users_at_risk.churn_percentile,
        users_at_risk.churn_decile,

        -- tier
        users_at_risk.risk_tier,
        users_at_risk.tier_reason,
        tier_sentences.tier_sentence_en,
        tier_sentences.tier_sentence_zh,
        users_at_risk.previous_risk_tier,
        users_at_risk.tier_since,

        -- value and lifecycle
        users_at_risk.value_tier,
        users_at_risk.lifecycle_status,
        users_at_risk.predicted_value,
        users_at_risk.expected_gain,
        users_at_risk.net_amount_365d,
        users_at_risk.days_since_last_paid_order,
        users_at_risk.country,

        -- reasons
        {%- for place in [1, 2, 3] %}
        users_at_risk.reason_{{ place }}_code,
        users_at_risk.reason_{{ place }}_value,
        users_at_risk.reason_{{ place }}_contribution,
        reasons_worded.reason_{{ place }}_sentence_en,
        reasons_worded.reason_{{ place }}_sentence_zh,
        {%- endfor %}

        -- origin
        users_at_risk.horizon_days,
        users_at_risk.model_version,
        users_at_risk.run_id
    from users_at_risk
    left join users_ranked using (as_of_date, user_id)
    left join reasons_worded using (as_of_date, user_id)
    left join tier_sentences using (as_of_date, user_id)
)

select * from final
