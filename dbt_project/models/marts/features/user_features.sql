{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date'
) }}

with

buying as (
    select * from {{ ref('int_buying_measured') }}
),

browsing as (
    select * from {{ ref('int_browsing_measured') }}
),

relations as (
    select * from {{ ref('int_relations_measured') }}
),

profiles as (
    select * from {{ ref('int_profiles_known') }}
),

final as (
    select
        -- ids and dates
        buying.as_of_date,
        buying.user_id,
        coalesce(
            buying.days_since_last_paid_order < {{ checked_number('eligible_days') }},
            false
        ) as is_eligible,

        -- features by theme
        buying.* exclude (as_of_date, user_id),
        browsing.* exclude (as_of_date, user_id),
        relations.* exclude (as_of_date, user_id),
        profiles.* exclude (as_of_date, user_id)
    from buying
    inner join browsing using (as_of_date, user_id)
    inner join relations using (as_of_date, user_id)
    left join profiles using (as_of_date, user_id)
)

select * from final
