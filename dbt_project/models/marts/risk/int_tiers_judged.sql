{{ config(materialized='view') }}

{# What today alone says of each user; yesterday's tier comes in one step later. #}
with

users_valued as (
    select * from {{ ref('int_users_valued') }}
),

tier_places as (
    select * from {{ ref('int_tier_places') }}
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

asked as (
    select
        users_valued.as_of_date,
        users_valued.user_id,
        users_valued.place,
        tier_places.users_at_most,
        cutoffs.tier_rank,
        case
            when users_valued.churn_probability is null then false
            when users_valued.tier_mode = 'cutoff'
                then users_valued.churn_probability >= cutoffs.enters_at
            else users_valued.place <= tier_places.places
        end as enters,
        case
            when users_valued.churn_probability is null then false
            when users_valued.tier_mode = 'cutoff'
                then users_valued.churn_probability >= cutoffs.stays_above
            else users_valued.place <= tier_places.places_kept
        end as may_stay
    from users_valued
    cross join cutoffs
    left join tier_places using (as_of_date, tier_rank)
),

ranks as (
    select
        as_of_date,
        user_id,
        place,
        max(users_at_most) as high_at_most,
        max(case when enters then tier_rank end) as entered_rank,
        max(case when may_stay then tier_rank end) as kept_rank
    from asked
    group by as_of_date, user_id, place
),

final as (
    select
        ranks.*,
        warnings_met.* exclude (as_of_date, user_id)
    from ranks
    left join warnings_met using (as_of_date, user_id)
)

select * from final
