{{ config(materialized='view') }}

with

tiers as (
    select
        as_of_date,
        user_id,
        churn_probability,
        tier_reason,
        horizon_days
    from {{ ref('user_risk_tiers') }}
),

warning_rules as (
    select
        *,
        case when threshold < 1 then 'share' else 'count' end as threshold_kind
    from {{ ref('warning_rules') }}
),

final as (
    select
        tiers.as_of_date,
        tiers.user_id,
        case
            when warning_rules.rule_code is null
                then
                    'No order in the next ' || tiers.horizon_days || ' days: '
                    || {{ worded('tiers.churn_probability', "'share'") }}
            else replace(
                warning_rules.sentence_en,
                '{threshold}',
                {{ worded('warning_rules.threshold', 'warning_rules.threshold_kind') }}
            )
        end as tier_sentence_en,
        case
            when warning_rules.rule_code is null
                then
                    '未来 ' || tiers.horizon_days || ' 天不再下单的概率：'
                    || {{ worded('tiers.churn_probability', "'share'", language='zh') }}
            else replace(
                warning_rules.sentence_zh,
                '{threshold}',
                {{ worded(
                    'warning_rules.threshold', 'warning_rules.threshold_kind',
                    language='zh'
                ) }}
            )
        end as tier_sentence_zh
    from tiers
    left join warning_rules on tiers.tier_reason = warning_rules.rule_code
)

select * from final
