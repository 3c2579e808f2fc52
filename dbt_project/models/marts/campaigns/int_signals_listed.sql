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
    {%- for place in [1, 2, 3] %}
    select
        users_tiered.as_of_date,
        users_tiered.user_id,
        {{ place }} as place,
        reason_texts.theme
    from users_tiered
    inner join {{ ref('reason_texts') }} as reason_texts
        on users_tiered.reason_{{ place }}_code = reason_texts.reason_code
    where users_tiered.reason_{{ place }}_contribution > 0
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

themes_listed as (
    select
        as_of_date,
        user_id,
        string_agg(theme, '|' order by place) as themes
    from themes
    group by as_of_date, user_id
),

final as (
    select
        users_tiered.as_of_date,
        users_tiered.user_id,
        concat_ws(
            '|', replace(users_tiered.warning_codes, ',', '|'), themes_listed.themes
        ) as signals
    from users_tiered
    left join themes_listed using (as_of_date, user_id)
)

select * from final
