{{ config(materialized='view') }}

{#
    Differences by intention to treat: everybody counts in the arm that was drawn, reached or
    not. Arms are compared within each stratum, because the holdout share differs between strata,
    and the differences are weighted by the users treated: so the mean difference times the
    treated users is the whole effect. A stratum in which an arm has fewer than two users cannot
    be compared and is left out.
#}
with

strata as (
    select
        *,
        users_treated >= 2 and users_held_out >= 2 as is_compared
    from {{ ref('int_effect_strata') }}
),

weighed as (
    select
        *,
        case when is_compared then cast(users_treated as double) end
        / sum(case when is_compared then users_treated end) over same_effect
            as weight
    from strata
    window same_effect as (
        partition by as_of_date, experiment_id, slice_name, slice_value, outcome
    )
),

parts as (
    select
        *,
        weight * (y_mean_treated - y_mean_held_out) as difference_part,
        weight * (adjusted_mean_treated - adjusted_mean_held_out)
            as adjusted_difference_part,
        weight * weight * variance_treated / users_treated as noise_treated,
        weight * weight * variance_held_out / users_held_out as noise_held_out,
        weight * weight * adjusted_variance_treated / users_treated
            as adjusted_noise_treated,
        weight * weight * adjusted_variance_held_out / users_held_out
            as adjusted_noise_held_out
    from weighed
),

{# Degrees of freedom follow Welch and Satterthwaite, over the arms of all strata. #}
noises as (
    select
        *,
        noise_treated + noise_held_out as noise_part,
        adjusted_noise_treated + adjusted_noise_held_out as adjusted_noise_part,
        noise_treated * noise_treated / (users_treated - 1)
        + noise_held_out * noise_held_out / (users_held_out - 1)
            as noise_of_noise_part,
        adjusted_noise_treated * adjusted_noise_treated / (users_treated - 1)
        + adjusted_noise_held_out * adjusted_noise_held_out / (users_held_out - 1)
            as adjusted_noise_of_noise_part
    from parts
),

summed as (
    select
        as_of_date,
        experiment_id,
        slice_name,
        slice_value,
        outcome,
        cast(coalesce(sum(users_treated), 0) as bigint) as users_treated,
        cast(coalesce(sum(users_held_out), 0) as bigint) as users_held_out,
        cast(
            coalesce(sum(case when is_compared then users_treated end), 0) as bigint
        ) as users_treated_compared,
        cast(
            coalesce(sum(case when is_compared then users_held_out end), 0) as bigint
        ) as users_held_out_compared,
        {{ sum_in_order('y_sum_treated', 'stratum') }}
        / sum(users_treated) as mean_treated,
        {{ sum_in_order('y_sum_held_out', 'stratum') }}
        / sum(users_held_out) as mean_held_out,
        {%- for part in [
            'difference', 'adjusted_difference', 'noise', 'adjusted_noise',
            'noise_of_noise', 'adjusted_noise_of_noise',
        ] %}
        {{ sum_in_order(part ~ '_part', 'stratum') }} as {{ part }},
        {%- endfor %}
        max(theta) as theta
    from noises
    group by as_of_date, experiment_id, slice_name, slice_value, outcome
),

final as (
    select
        *,
        {#- nobody differs: how much chance there is cannot be told #}
        sqrt(nullif(noise, 0)) as standard_error,
        noise * noise / nullif(noise_of_noise, 0) as degrees_of_freedom,
        sqrt(nullif(adjusted_noise, 0)) as adjusted_standard_error,
        adjusted_noise * adjusted_noise / nullif(adjusted_noise_of_noise, 0)
            as adjusted_degrees_of_freedom,
        1 - adjusted_noise / nullif(noise, 0) as variance_reduction
    from summed
)

select * from final
