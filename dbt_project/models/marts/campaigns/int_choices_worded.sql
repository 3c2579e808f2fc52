{{ config(materialized='view') }}

{#
    What may be said about the users chosen: their reasons in words, those left out that are
    about what no offer may depend on.
#}
with

choices as (
    select
        as_of_date,
        user_id
    from {{ source('ml', 'action_choices') }}
    where as_of_date in ({{ days_being_built() }})
),

reasons as (
    select * from {{ ref('int_reasons_worded') }}
    semi join choices using (as_of_date, user_id)
),

sensitive as (
    select string_agg(attribute, '|') as attributes
    from {{ ref('sensitive_attributes') }}
),

final as (
    select
        reasons.as_of_date,
        {%- for place in [1, 2, 3] %}
        {%- for language in ['en', 'zh'] %}
        case
            when not {{ is_listed('reason_' ~ place ~ '_code', 'attributes') }}
                then reason_{{ place }}_sentence_{{ language }}
        end as reason_{{ place }}_sentence_{{ language }},
        {%- endfor %}
        {%- endfor %}
        reasons.user_id
    from reasons
    cross join sensitive
)

select * from final
