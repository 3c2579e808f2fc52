{{ config(materialized='view') }}

with

churn_scores as (
    select * from {{ source('ml', 'churn_scores') }}
    where as_of_date in ({{ days_being_built() }})
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

final as (
    select
        reasons.*,
        case reasons.code
            when 'country' then profiles.country
            when 'region' then profiles.region
            when 'city' then profiles.city
            when 'language' then profiles.language
            when 'acquisition_channel' then profiles.acquisition_channel
            when 'gender' then profiles.gender
        end as profile_text
    from reasons
    left join profiles using (as_of_date, user_id)
)

select * from final
