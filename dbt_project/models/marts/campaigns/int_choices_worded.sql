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

final as (
    select
        as_of_date,
        user_id,
        {%- for language in ['en', 'zh'] %}
        {%- for place in [1, 2, 3] %}
        case
            when
                reason_{{ place }}_code not in (
                    select attribute from {{ ref('sensitive_attributes') }}
                )
                then reason_{{ place }}_sentence_{{ language }}
        end as reason_{{ place }}_sentence_{{ language }}
        {{- ',' if not loop.last }}
        {%- endfor %}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from reasons
)

select * from final
