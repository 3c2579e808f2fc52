{{ config(materialized='view') }}

{% set reason_parts = ['code', 'value', 'contribution', 'sentence_en', 'sentence_zh'] %}

with

churn_scores as (
    select * from {{ source('ml', 'churn_scores') }}
    where as_of_date in ({{ days_being_built() }})
),

reason_texts as (
    select * from {{ ref('reason_texts') }}
),

{# Reasons are numbers, except for what the profile says in words. #}
profiles as (
    select
        as_of_date,
        user_id,
        country,
        region,
        city,
        language,
        acquisition_channel,
        gender
    from {{ ref('user_features') }}
    where as_of_date in ({{ days_being_built() }})
),

reasons as (
    {%- for place in [1, 2, 3] %}
    select
        as_of_date,
        user_id,
        {{ place }} as place,
        reason_{{ place }}_code as code,
        reason_{{ place }}_value as value,
        reason_{{ place }}_contribution as contribution
    from churn_scores
    where reason_{{ place }}_code is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

reasons_profiled as (
    select
        reasons.*,
        case reasons.code
            when 'country' then profiles.country
            when 'region' then profiles.region
            when 'city' then profiles.city
            when 'language' then profiles.language
            when 'acquisition_channel' then profiles.acquisition_channel
            when 'gender' then profiles.gender
        end as profile_text,
        value is null and profile_text is null as is_empty
    from reasons
    left join profiles using (as_of_date, user_id)
),

{# An empty feature says something too: what never happened. #}
templated as (
    select
        reasons_profiled.*,
        reason_texts.value_kind,
        coalesce(
            if(is_empty, reason_texts.unknown_en, null),
            reason_texts.sentence_en,
            replace(code, '_', ' ') || ': {value}'
        ) as template_en,
        coalesce(
            if(is_empty, reason_texts.unknown_zh, null),
            reason_texts.sentence_zh,
            replace(code, '_', ' ') || ': {value}'
        ) as template_zh
    from reasons_profiled
    left join reason_texts on reasons_profiled.code = reason_texts.reason_code
),

worded as (
    select
        templated.*,
        {{ worded('value', 'value_kind', 'profile_text', 'en') }} as value_en,
        {{ worded('value', 'value_kind', 'profile_text', 'zh') }} as value_zh
    from templated
),

sentences as (
    select
        * exclude (template_en, template_zh, value_en, value_zh),
        replace(template_en, '{value}', value_en) as sentence_en,
        replace(template_zh, '{value}', value_zh) as sentence_zh
    from worded
),

final as (
    select
        as_of_date,
        user_id,
        {%- for place in [1, 2, 3] %}
        {%- for part in reason_parts %}
        max(
            case when place = {{ place }} then {{ part }} end
        ) as reason_{{ place }}_{{ part }},
        {%- endfor %}
        {%- endfor %}
        count(*) as reasons
    from sentences
    group by as_of_date, user_id
)

select * from final
