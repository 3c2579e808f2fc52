{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='as_of_date',
    on_schema_change='append_new_columns'
) }}

with

judged as (
    select * from {{ ref('int_recommendations_judged') }}
),

runs as (
    select max(run_id) as run_id
    from {{ source('control', 'run') }}
    where as_of_date in ({{ days_being_built() }})
),

by_metric as (
    {%- for metric in ['hit_rate_at_10', 'ndcg_at_10'] %}
    select
        as_of_date as recommended_on,
        '{{ metric }}' as metric,
        recommended_{{ metric }} as recommended,
        most_popular_{{ metric }} as most_popular,
        cast(
            recommended_{{ metric }} - most_popular_{{ metric }} as decimal(18, 12)
        ) as difference
    from judged
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

{# Each user is judged by both methods: the interval is that of paired differences. #}
summed as (
    select
        recommended_on,
        metric,
        count(*) as users_judged,
        cast(sum(recommended) as double) / count(*) as recommended,
        cast(sum(most_popular) as double) / count(*) as most_popular,
        cast(sum(difference) as double) / count(*) as difference,
        cast(sum(cast(difference * difference as decimal(18, 12))) as double)
        / count(*) as squared_difference
    from by_metric
    group by recommended_on, metric
),

measured as (
    select
        *,
        case
            when users_judged >= {{ fewest_users_per_arm() }}
                then sqrt(
                    greatest(squared_difference - difference * difference, 0)
                    / (users_judged - 1)
                )
        end as standard_error
    from summed
),

bounded as (
    select
        *,
        {{ interval_end('-', 'difference', 'standard_error') }} as difference_low,
        {{ interval_end('+', 'difference', 'standard_error') }} as difference_high
    from measured
),

final as (
    select
        -- ids and dates
        cast(
            bounded.recommended_on + {{ recommendation_rules().judged_days }} as date
        ) as as_of_date,
        bounded.recommended_on,
        bounded.metric,
        bounded.users_judged,

        -- figures
        bounded.recommended,
        bounded.most_popular,
        bounded.difference,
        bounded.difference_low,
        bounded.difference_high,

        -- verdict
        case
            when bounded.difference_low > 0 then 'better'
            when bounded.difference_high < 0 then 'worse'
            when bounded.difference_low is null then 'too_small'
            else 'inconclusive'
        end as verdict,

        -- origin
        runs.run_id
    from bounded
    cross join runs
)

select * from final
