{{ config(materialized='view') }}

{#
    What a user shows that a campaign may answer: warnings by priority, then the themes of the
    reasons that raise the risk, the strongest first; written with bars.
#}
with

users_tiered as (
    select * from {{ ref('user_risk_tiers') }}
),

themes as (
    select
        reason_code,
        theme
    from {{ ref('reason_texts') }}
),

final as (
    select
        users_tiered.as_of_date,
        users_tiered.user_id,
        concat_ws(
            '|',
            replace(users_tiered.warning_codes, ',', '|'),
            case when reason_1_contribution > 0 then themes_1.theme end,
            case when reason_2_contribution > 0 then themes_2.theme end,
            case when reason_3_contribution > 0 then themes_3.theme end
        ) as signals
    from users_tiered
    left join themes as themes_1
        on users_tiered.reason_1_code = themes_1.reason_code
    left join themes as themes_2
        on users_tiered.reason_2_code = themes_2.reason_code
    left join themes as themes_3
        on users_tiered.reason_3_code = themes_3.reason_code
)

select * from final
