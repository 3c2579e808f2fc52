{#
    Can the experiment see what it looks for? Normal approximation for two shares, 5 % level,
    80 % power, two-sided; the control's rate is the audience's mean churn probability.
#}
with

days as (
    select
        as_of_date,
        max(run_id) as run_id
    from {{ ref('int_decisions_prepared') }}
    group by as_of_date
),

campaigns as (
    select * from {{ ref('int_campaigns_enabled') }}
),

audiences as (
    select * from {{ ref('int_audiences_counted') }}
),

designs as (
    select
        days.as_of_date,
        days.run_id,
        campaigns.*,
        cast(coalesce(audiences.users, 0) as bigint) as users_in_audience,
        cast(coalesce(audiences.users_free, 0) as bigint) as users_free,
        audiences.churners / audiences.users as control_rate,
        audiences.users_held_out / audiences.users as audience_holdout_share,
        audiences.users_held_out,
        audiences.users - audiences.users_held_out as users_treated
    from days
    cross join campaigns
    left join audiences using (as_of_date, campaign_id)
),

calculated as (
    select
        *,
        {{ normal_quantile(0.975) + normal_quantile(0.8) }} * sqrt(
            control_rate * (1 - control_rate)
            * (1 / nullif(users_treated, 0) + 1 / nullif(users_held_out, 0))
        ) as least_detectable_effect,
        {{ users_needed('control_rate', 'least_effect', 'audience_holdout_share') }}
            as users_needed
    from designs
),

judged as (
    select
        *,
        case
            when
                least(holdout_share, small_stratum_holdout_share) < 0.01
                or greatest(holdout_share, small_stratum_holdout_share) > 0.9
                then 'it holds out nobody, or nearly everybody'
            when least_effect <= 0 then 'it looks for no effect at all'
            when least_effect >= control_rate
                then 'it wants to keep more users than would leave'
            when least_detectable_effect >= control_rate
                then 'it would see nothing even if every user it treats stayed'
        end as refusal
    from calculated
),

final as (
    select
        -- ids and dates
        as_of_date,
        campaign_id,
        experiment_id,

        -- audience
        users_in_audience,
        users_free,
        minimum_audience,
        maximum_audience,

        -- design
        audience_holdout_share as holdout_share,
        control_rate,
        least_effect,
        least_detectable_effect,
        cast(users_needed as bigint) as users_needed,

        -- verdict
        case
            when refusal is not null then 'silly'
            when least_detectable_effect <= least_effect then 'sound'
            else 'too_small'
        end as status,
        case
            when refusal is not null then refusal
            when users_in_audience = 0 then 'there is nobody to reach'
            when least_detectable_effect <= least_effect
                then 'the audience is large enough for the effect that is looked for'
            else 'an effect as small as the one looked for will stay inconclusive'
        end as reason,

        -- origin
        run_id
    from judged
)

select * from final
