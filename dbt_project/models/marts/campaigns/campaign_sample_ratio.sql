{{ config(materialized='view') }}

{#
    Are the arms as large as they were drawn? Each user was held out with a probability of their
    own (holdout_share), so the number held out is compared with the sum of those; with one
    share for all it is Pearson's chi-square of one degree of freedom. Shares that never were a
    draw (0 or 1) tell nothing.
#}
with

days as (
    select
        as_of_date,
        run_id
    from {{ source('control', 'run') }}
    where as_of_date in ({{ days_being_built() }})
),

assignments as (
    select * from {{ ref('campaign_assignments') }}
    where arm in ('treatment', 'holdout')
),

counted as (
    select
        days.as_of_date,
        days.run_id,
        assignments.experiment_id,
        assignments.campaign_id,
        count(case when assignments.arm = 'treatment' then 1 end) as users_treated,
        count(case when assignments.arm = 'holdout' then 1 end) as users_held_out,
        cast(sum(
            cast(assignments.holdout_share as decimal(18, 9))
        ) as double) as expected_held_out,
        cast(sum(cast(
            assignments.holdout_share * (1 - assignments.holdout_share)
            as decimal(18, 9)
        )) as double) as variance
    from days
    inner join assignments
        on days.as_of_date >= assignments.assigned_on
    group by
        days.as_of_date,
        days.run_id,
        assignments.experiment_id,
        assignments.campaign_id
),

compared as (
    select
        *,
        (users_held_out - expected_held_out) * (users_held_out - expected_held_out)
        / nullif(variance, 0) as chi_square
    from counted
),

tested as (
    select
        *,
        {{ chi_square_p('chi_square') }} as p_value
    from compared
),

final as (
    select
        -- ids and dates
        as_of_date,
        experiment_id,
        campaign_id,

        -- arms
        users_treated,
        users_held_out,
        expected_held_out,

        -- test
        chi_square,
        p_value,
        coalesce(p_value < 0.001, false) as is_read_out_stopped,

        -- origin
        run_id
    from tested
)

select * from final
