{{ config(materialized='view') }}

{#
    What was fixed before any outcome was seen: how many users it takes to see the least effect
    that the policy cares about, from the churn probabilities at assignment; and whether the
    arms have the sizes that were drawn (sample ratio: chi-square of one degree of freedom of
    the users held out against the sum of their holdout shares).
#}
with

assigned as (
    select
        *,
        coalesce(stratum, 'unknown') as known_stratum
    from {{ ref('int_assignments_followed') }}
    where arm in ('treatment', 'holdout')
),

probabilities as (
    select
        as_of_date,
        experiment_id,
        user_id,
        churn_probability
    from {{ ref('campaign_user_outcomes') }}
),

sliced as (
    {%- for slice_name, slice_value in effect_slices().items() %}
    select
        assigned.* exclude (stratum),
        probabilities.churn_probability,
        '{{ slice_name }}' as slice_name,
        {{ slice_value | replace('stratum', 'known_stratum') }} as slice_value
    from assigned
    left join probabilities using (as_of_date, experiment_id, user_id)
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

counted as (
    select
        as_of_date,
        experiment_id,
        slice_name,
        slice_value,
        max(campaign_id) as campaign_id,
        max(action) as action,
        max(least_effect) as least_effect,
        count(*) as users_assigned,
        count(case when not is_complete then 1 end) as users_pending,
        count(case when arm = 'holdout' then 1 end) as users_held_out,
        cast(sum(cast(holdout_share as decimal(18, 6))) as double)
            as users_held_out_expected,
        cast(
            sum(cast(holdout_share * (1 - holdout_share) as decimal(18, 6))) as double
        ) as held_out_variance,
        cast(sum(cast(churn_probability as decimal(18, 6))) as double)
        / nullif(count(churn_probability), 0) as base_rate
    from sliced
    where slice_value is not null
    group by as_of_date, experiment_id, slice_name, slice_value
),

ratios as (
    select
        *,
        users_held_out_expected / users_assigned as holdout_share,
        (users_held_out - users_held_out_expected)
        * (users_held_out - users_held_out_expected)
        / nullif(held_out_variance, 0) as sample_ratio_statistic
    from counted
),

final as (
    select
        * exclude (held_out_variance, sample_ratio_statistic),
        cast(
            {{ users_needed('base_rate', 'least_effect', 'holdout_share') }} as bigint
        ) as planned_users,
        {{ chi_square_p('sample_ratio_statistic') }} as slice_sample_ratio_p
    from ratios
)

select * from final
