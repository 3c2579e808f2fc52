{{ config(materialized='incremental', incremental_strategy='replace_days') }}

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

definition as (
    select *
    from {{ ref('churn_definitions') }}
    where definition_id = '{{ checked_definition_id() }}'
),

final as (
    select
        -- ids and dates
        buying.as_of_date,
        buying.user_id,
        coalesce({{ is_asked_of('buying', 'definition') }}, false) as is_eligible,

        -- features by theme
        buying.* exclude (as_of_date, user_id),
        browsing.* exclude (as_of_date, user_id),
        relations.* exclude (as_of_date, user_id),
        profiles.* exclude (as_of_date, user_id)
    from buying
    inner join browsing using (as_of_date, user_id)
    inner join relations using (as_of_date, user_id)
    left join profiles using (as_of_date, user_id)
    cross join definition
)

select * from final
