{{ config(materialized='view') }}

{# How and when to speak to a user. None of it decides whether the user is spoken to. #}
with

profiles as (
    select
        as_of_date,
        user_id,
        country,
        language
    from {{ ref('user_features') }}
    where as_of_date in ({{ days_being_built() }})
),

{# Noon of the shop by each zone's clock: how far the two clocks are apart that day. #}
zones as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        country,
        time_zone,
        date_diff(
            'hour',
            cast({{ as_of_date }} as timestamp) + interval 12 hour,
            timezone(
                time_zone,
                timezone(
                    '{{ checked_time_zone() }}',
                    cast({{ as_of_date }} as timestamp) + interval 12 hour
                )
            )
        ) as hours_ahead
    from {{ ref('country_time_zones') }}
    {% endcall -%}
),

hours_preferred as (
    select * from {{ ref('int_hours_preferred') }}
),

final as (
    select
        profiles.as_of_date,
        profiles.user_id,
        case when lower(profiles.language) like 'zh%' then 'zh' else 'en' end
            as language,
        coalesce(zones.time_zone, '{{ checked_time_zone() }}') as time_zone,
        cast(
            (hours_preferred.shop_hour + coalesce(zones.hours_ahead, 0) + 24) % 24
            as integer
        ) as usual_hour
    from profiles
    left join zones using (as_of_date, country)
    left join hours_preferred using (as_of_date, user_id)
)

select * from final
