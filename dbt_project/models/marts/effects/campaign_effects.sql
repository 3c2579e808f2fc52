with

effects as (
    select
        * exclude (difference, adjusted_difference),
        case obstacle when 'stopped' then null else difference end as difference,
        case obstacle when 'stopped' then null else adjusted_difference end
            as adjusted_difference,
        coalesce(interim_reach, adjusted_reach) as deciding_reach
    from {{ ref('int_effects_judged') }}
),

outcomes as (
    {%- for outcome, told in campaign_outcomes().items() %}
    select
        '{{ outcome }}' as outcome,
        {{ "'" ~ told.covariate ~ "'" if told.covariate else 'null' }} as covariate,
        {{ -1 if told.better == 'lower' else 1 }} as better_sign,
        {{ 'true' if told.is_guardrail else 'false' }} as is_guardrail
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

runs as (
    select
        as_of_date,
        run_id
    from {{ source('control', 'run') }}
),

final as (
    select
        -- ids and dates
        effects.as_of_date,
        effects.experiment_id,
        effects.campaign_id,
        effects.action,
        effects.slice_name,
        effects.slice_value,
        effects.outcome,
        outcomes.is_guardrail,

        -- users
        effects.users_treated,
        effects.users_held_out,
        effects.users_pending,
        effects.users_treated - effects.users_treated_compared
        + effects.users_held_out - effects.users_held_out_compared
            as users_not_compared,

        -- difference
        effects.mean_treated,
        effects.mean_held_out,
        effects.difference,
        effects.difference - effects.reach as difference_low,
        effects.difference + effects.reach as difference_high,

        -- difference with less noise
        outcomes.covariate,
        effects.adjusted_difference,
        effects.adjusted_difference - effects.adjusted_reach
            as adjusted_difference_low,
        effects.adjusted_difference + effects.adjusted_reach
            as adjusted_difference_high,
        effects.variance_reduction,

        -- what it comes to
        {%- set treated = 'effects.users_treated_compared' %}
        {%- set estimate = 'effects.adjusted_difference' %}
        {{ treated }} * {{ estimate }} as total_difference,
        {{ treated }} * ({{ estimate }} - effects.adjusted_reach)
            as total_difference_low,
        {{ treated }} * ({{ estimate }} + effects.adjusted_reach)
            as total_difference_high,
        {%- for name, reach in [
            ('saved_users', '0'), ('saved_users_low', 'effects.adjusted_reach'),
            ('saved_users_high', '-effects.adjusted_reach'),
        ] %}
        case
            when effects.outcome = 'churned'
                then -{{ treated }} * ({{ estimate }} + {{ reach }})
        end as {{ name }},
        {%- endfor %}

        -- reading
        effects.planned_users,
        effects.reading,
        effects.sample_ratio_p,
        case
            when effects.obstacle is not null then effects.obstacle
            when
                outcomes.better_sign * effects.adjusted_difference
                > effects.deciding_reach
                then 'better'
            when
                -outcomes.better_sign * effects.adjusted_difference
                > effects.deciding_reach
                then 'worse'
            else 'inconclusive'
        end as verdict,

        -- origin
        runs.run_id
    from effects
    inner join outcomes using (outcome)
    left join runs using (as_of_date)
)

select * from final
