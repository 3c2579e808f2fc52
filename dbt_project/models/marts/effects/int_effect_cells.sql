{{ config(materialized='table') }}

{#
    Sums over the users of a stratum and an arm, from which means, variances and covariances
    follow. Sums are of decimals, so that the order of rows cannot change a digit.
#}
with

outcomes as (
    select * from {{ ref('campaign_user_outcomes') }}
    where
        arm in ('treatment', 'holdout')
        and is_complete
),

{# A user without a score counts as an average one of the stratum. #}
completed as (
    select
        * exclude (churn_probability, stratum),
        coalesce(stratum, 'unknown') as stratum,
        coalesce(
            churn_probability,
            sum(cast(churn_probability as decimal(18, 6))) over same_stratum
            / count(churn_probability) over same_stratum,
            0
        ) as churn_probability
    from outcomes
    window same_stratum as (partition by as_of_date, experiment_id, stratum)
),

{# x is what foretells the outcome, y the outcome itself #}
user_values as (
    {%- for outcome, told in campaign_outcomes().items() %}
    select
        as_of_date,
        experiment_id,
        stratum,
        risk_tier,
        value_tier,
        arm,
        '{{ outcome }}' as outcome,
        cast(coalesce({{ told.covariate or 0 }}, 0) as decimal(38, 6)) as x,
        cast({{ outcome }} as decimal(38, 6)) as y
    from completed
    where {{ outcome }} is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        as_of_date,
        experiment_id,
        stratum,
        risk_tier,
        value_tier,
        arm,
        outcome,
        count(*) as users,
        cast(sum(x) as double) as x_sum,
        cast(sum(y) as double) as y_sum,
        cast(sum(x * x) as double) as xx_sum,
        cast(sum(y * y) as double) as yy_sum,
        cast(sum(x * y) as double) as xy_sum
    from user_values
    group by
        as_of_date, experiment_id, stratum, risk_tier, value_tier, arm, outcome
)

select * from final
