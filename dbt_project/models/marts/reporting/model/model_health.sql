{{ config(materialized='view') }}

with

final as (
    select
        -- ids and dates
        as_of_date,
        model_version,
        definition_id,

        -- check
        check_kind,
        subject,
        statistic,
        p_value,
        threshold,
        is_alarm,
        sample_size,

        -- words
        message,

        -- origin
        run_id
    from {{ source('ml', 'model_health') }}
)

select * from final
