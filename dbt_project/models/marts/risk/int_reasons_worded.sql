{# Read by the list and by campaigns, more than once: worded once. #}
{{ config(materialized='table') }}

{% set reason_parts = ['code', 'value', 'contribution', 'sentence_en', 'sentence_zh'] %}

with

reasons as (
    select
        *,
        value is null and profile_text is null as is_empty
    from {{ ref('int_reasons_listed') }}
),

reason_texts as (
    select * from {{ ref('reason_texts') }}
),

{# An empty feature says something too: what never happened. #}
templated as (
    select
        reasons.*,
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
    from reasons
    left join reason_texts on reasons.code = reason_texts.reason_code
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
        replace(template_en, '{value}', value_en)
        || {{ direction_worded('contribution', 'en') }} as sentence_en,
        replace(template_zh, '{value}', value_zh)
        || {{ direction_worded('contribution', 'zh') }} as sentence_zh
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
