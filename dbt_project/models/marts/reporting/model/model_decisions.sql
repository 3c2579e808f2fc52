{{ config(materialized='view') }}

with

final as (
    select
        -- ids and dates
        decision_number,
        decided_for,
        definition_id,

        -- decision
        challenger,
        champion,
        verdict,
        reason,
        decided_by
    from {{ source('control', 'model_decisions') }}
)

select * from final
