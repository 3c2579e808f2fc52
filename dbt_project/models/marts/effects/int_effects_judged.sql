{{ config(materialized='view') }}

{#
    How each estimate may be read. A final reading, after the planned users, asks for a 95 %
    interval that leaves out 0; whoever looks earlier looks often, and must see far more before
    it counts (p < 0.001: Haybittle 1971, Peto 1976). Arms that are not what was drawn stop the
    read-out of the whole experiment, and small arms are not judged.
#}
with

estimates as (
    select * from {{ ref('int_effects_estimated') }}
),

experiments as (
    select * from {{ ref('int_experiments_planned') }}
),

sample_ratios as (
    select
        as_of_date,
        experiment_id,
        slice_sample_ratio_p as sample_ratio_p
    from experiments
    where slice_name = 'all'
),

read_out as (
    select
        estimates.*,
        experiments.campaign_id,
        experiments.action,
        experiments.users_pending,
        experiments.planned_users,
        sample_ratios.sample_ratio_p,
        case
            when
                estimates.users_treated + estimates.users_held_out
                >= experiments.planned_users
                then 'final'
            else 'interim'
        end as reading,
        case
            when sample_ratios.sample_ratio_p < {{ least_sample_ratio_p() }}
                then 'stopped'
            when
                estimates.users_treated_compared < {{ fewest_users_per_arm() }}
                or estimates.users_held_out_compared < {{ fewest_users_per_arm() }}
                then 'too_small'
        end as obstacle
    from estimates
    inner join experiments
        using (as_of_date, experiment_id, slice_name, slice_value)
    inner join sample_ratios using (as_of_date, experiment_id)
),

{# How far the interval reaches to either side of the estimate. #}
final as (
    select
        *,
        case
            when obstacle is null
                then standard_error * {{ student_quantile(
                    normal_quantile(0.975), 'degrees_of_freedom'
                ) }}
        end as reach,
        case
            when obstacle is null
                then adjusted_standard_error * {{ student_quantile(
                    normal_quantile(0.975), 'adjusted_degrees_of_freedom'
                ) }}
        end as adjusted_reach,
        case
            when obstacle is null and reading = 'interim'
                then adjusted_standard_error * {{ student_quantile(
                    normal_quantile(0.9995), 'adjusted_degrees_of_freedom'
                ) }}
        end as interim_reach
    from read_out
)

select * from final
