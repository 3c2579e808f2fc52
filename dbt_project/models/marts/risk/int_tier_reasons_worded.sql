{{ config(materialized='view') }}

with

definition as (
    select label_kind
    from {{ ref('churn_definitions') }}
    where definition_id = '{{ checked_definition_id() }}'
),

tiers as (
    select
        as_of_date,
        user_id,
        churn_probability,
        tier_reason,
        case label_kind
            when 'paid_order'
                then 'No order in the next ' || horizon_days || ' days'
            when 'any_activity'
                then 'No activity in the next ' || horizon_days || ' days'
            when 'personal'
                then 'No order within the own window'
        end as churn_en,
        case label_kind
            when 'paid_order' then '未来 ' || horizon_days || ' 天不再下单'
            when 'any_activity' then '未来 ' || horizon_days || ' 天没有任何活动'
            when 'personal' then '在个人观察窗口内不再下单'
        end as churn_zh
    from {{ ref('user_risk_tiers') }}
    cross join definition
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
                    churn_en || ': '
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
                    churn_zh || '的概率：'
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
