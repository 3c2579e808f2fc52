{{ config(materialized='view') }}

{# What today alone says of each user; yesterday's tier comes in one step later. #}
with

users_scored as (
    select
        as_of_date,
        user_id,
        churn_probability
    from {{ ref('int_users_scored') }}
),

cutoffs as (
    select * from {{ ref('risk_tier_cutoffs') }}
),

warnings_met as (
    select
        as_of_date,
        user_id,
        max(tier_rank) as warning_rank,
        arg_min(rule_code, (-tier_rank, rule_priority)) as strongest_warning,
        string_agg(rule_code, ',' order by rule_priority) as warning_codes
    from {{ ref('int_warnings_met') }}
    group by as_of_date, user_id
),

ranks as (
    select
        users_scored.as_of_date,
        users_scored.user_id,
        max(
            case
                when users_scored.churn_probability >= cutoffs.enters_at
                    then cutoffs.tier_rank
            end
        ) as entered_rank,
        max(
            case
                when users_scored.churn_probability >= cutoffs.stays_above
                    then cutoffs.tier_rank
            end
        ) as kept_rank
    from users_scored
    cross join cutoffs
    group by users_scored.as_of_date, users_scored.user_id
),

final as (
    select
        ranks.as_of_date,
        ranks.user_id,
        ranks.entered_rank,
        ranks.kept_rank,
        warnings_met.warning_rank,
        warnings_met.strongest_warning,
        warnings_met.warning_codes
    from ranks
    left join warnings_met using (as_of_date, user_id)
)

select * from final
