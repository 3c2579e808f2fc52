{{ config(materialized='view') }}

{# Four kinds of rows in one table, so that a reader finds all of it in one place. #}
with

deliveries as (
    select
        'delivery' as report_kind,
        known_on as as_of_date,
        status = 'accepted' as is_good,
        delivery_id,
        delivery_date,
        known_on,
        status,
        rows_received,
        rows_accepted,
        rows_quarantined,
        rows_duplicate,
        reason as message
    from {{ source('control', 'deliveries') }}
),

quarantine_reasons as (
    select
        'quarantine_reason' as report_kind,
        known_on as as_of_date,
        false as is_good,
        delivery_id,
        delivery_date,
        known_on,
        reason_code as rule,
        rows_quarantined
    from {{ source('control', 'quarantine_reasons') }}
),

gate_rules as (
    select
        'gate_rule' as report_kind,
        as_of_date,
        success as is_good,
        run_id,
        gate,
        suite as table_name,
        expectation as rule,
        column_name,
        observed,
        expected,
        message
    from {{ source('control', 'gate_results') }}
),

reconciliations as (
    select
        'reconciliation' as report_kind,
        as_of_date,
        is_good,
        run_id,
        table_name,
        rule,
        observed,
        expected,
        message
    from {{ source('control', 'reconciliation') }}
),

united as (
    select * from deliveries
    union all by name
    select * from quarantine_reasons
    union all by name
    select * from gate_rules
    union all by name
    select * from reconciliations
),

final as (
    select
        -- what and when
        report_kind,
        as_of_date,
        is_good,

        -- delivery
        delivery_id,
        delivery_date,
        known_on,
        status,
        rows_received,
        rows_accepted,
        rows_quarantined,
        rows_duplicate,

        -- rule
        run_id,
        gate,
        table_name,
        rule,
        column_name,
        observed,
        expected,

        -- words
        message
    from united
)

select * from final
