with

judged as (
    select * from {{ ref('int_campaigns_judged') }}
),

strata as (
    select
        as_of_date,
        campaign_id,
        stratum,
        holdout_share
    from {{ ref('int_strata_counted') }}
),

designs as (
    select
        as_of_date,
        campaign_id,
        status,
        users_in_audience,
        users_free,
        minimum_audience,
        maximum_audience
    from {{ ref('campaign_design') }}
),

uplift_scores as (
    select
        as_of_date,
        user_id,
        campaign_id,
        uplift_margin
    from {{ source('ml', 'uplift_scores') }}
    where as_of_date in ({{ days_being_built() }})
),

economics as (
    select gross_margin_rate
    from {{ ref('shop_economics') }}
),

valued as (
    select
        judged.*,
        {# what was learnt has costs taken off already #}
        case
            when channel is not null then coalesce(
                uplift_scores.uplift_margin,
                churn_probability * assumed_save_rate
                * coalesce(value_if_staying, 0) * economics.gross_margin_rate
                - expected_cost
            )
        end as expected_net_value,
        case when uplift_scores.uplift_margin is null then 'seed' else 'learned' end
            as policy_mode
    from judged
    cross join economics
    left join uplift_scores using (as_of_date, user_id, campaign_id)
),

{# Users are ranked only where more are free than the campaign may choose. #}
surplus as (
    select
        valued.as_of_date,
        valued.user_id,
        valued.campaign_id
    from valued
    inner join designs using (as_of_date, campaign_id)
    where
        valued.first_reason is null
        and designs.users_free > designs.maximum_audience
    qualify row_number() over (
        partition by valued.as_of_date, valued.campaign_id
        order by valued.expected_net_value desc, valued.user_id asc
    ) > designs.maximum_audience
),

reasoned as (
    select
        valued.*,
        strata.holdout_share as stratum_holdout_share,
        case
            when valued.first_reason is not null then valued.first_reason
            when designs.status = 'silly' then 'design_refused'
            when designs.users_in_audience < designs.minimum_audience
                then 'audience_too_small'
            when surplus.user_id is not null then 'audience_too_large'
        end as suppression_reason
    from valued
    left join designs using (as_of_date, campaign_id)
    left join strata using (as_of_date, campaign_id, stratum)
    left join surplus using (as_of_date, user_id, campaign_id)
),

final as (
    select
        -- ids and dates
        as_of_date,
        user_id,
        campaign_id,
        experiment_id,

        -- verdict
        suppression_reason is null as is_eligible,
        suppression_reason,

        -- experiment
        stratum,
        stratum_holdout_share as holdout_share,

        -- action
        action,
        offer_id,
        channel,
        language,
        time_zone,
        cast({{ within_hours(
            'coalesce(usual_hour, 10)', 'sends_from_hour', 'sends_until_hour'
        ) }} as integer) as preferred_hour,
        trigger_code,

        -- value
        expected_net_value,
        expected_cost,
        policy_mode,

        -- risk and value of the user
        churn_probability,
        value_if_staying,
        risk_tier,
        value_tier,
        lifecycle_status,

        -- origin
        run_id
    from reasoned
)

select * from final
