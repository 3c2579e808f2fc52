{{ config(materialized='view') }}

{#
    What a user shows that a campaign may answer: warnings by priority, then the themes of the
    reasons that raise the risk, the strongest first; written with bars.
#}
with

users_tiered as (
    select * from {{ ref('user_risk_tiers') }}
),

reason_themes as (
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
            replace(users_tiered.warning_codes, ',', '|')
            {%- for place in [1, 2, 3] %},
            case
                when users_tiered.reason_{{ place }}_contribution > 0
                    then themes_{{ place }}.theme
            end
            {%- endfor %}
        ) as signals
    from users_tiered
    {%- for place in [1, 2, 3] %}
    left join reason_themes as themes_{{ place }}
        on users_tiered.reason_{{ place }}_code = themes_{{ place }}.reason_code
    {%- endfor %}
)

select * from final
