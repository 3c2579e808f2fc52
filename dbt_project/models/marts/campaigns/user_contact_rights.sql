{{ config(materialized='view') }}

with

users_tiered as (
    select
        as_of_date,
        user_id,
        run_id
    from {{ ref('user_risk_tiers') }}
),

consents_granted as (
    select * from {{ ref('int_consents_granted') }}
),

{# Without any consents only what the policy takes as given is granted. #}
purposes_assumed as (
    select
        string_agg(distinct consent_purpose, '|' order by consent_purpose)
            as purposes_granted
    from {{ ref('contact_policy') }}
    where {% if has_table('consents') %}false{% else %}assumes_consent{% endif %}
),

final as (
    select
        -- ids and dates
        users_tiered.as_of_date,
        users_tiered.user_id,

        -- rights
        nullif(
            coalesce(
                consents_granted.purposes_granted, purposes_assumed.purposes_granted, ''
            ),
            ''
        ) as purposes_granted,
        coalesce(consents_granted.objects_to_profiling, false) as objects_to_profiling,

        -- origin
        users_tiered.run_id
    from users_tiered
    cross join purposes_assumed
    left join consents_granted using (as_of_date, user_id)
)

select * from final
