{{ config(materialized='view') }}

with

users as (
    select * from {{ ref('user_features') }}
),

definitions as (
    select * from {{ ref('churn_definitions') }}
),

final as (
    select
        users.as_of_date,
        users.user_id,
        definitions.definition_id
    from users
    inner join definitions
        on {{ is_asked_of('users', 'definitions') }}
)

select * from final
