{{ config(materialized='view') }}

{#
    How many users each tier takes, counted from the riskiest, in the modes that count: as many
    as can be contacted, and none for whom a contact costs more than it brings. A user who is
    in a tier already keeps the place a margin longer.
#}
with

policy as (
    select * from {{ ref('tier_policy') }}
    where is_in_force
),

tiers as (
    select
        risk_tier,
        tier_rank
    from {{ ref('risk_tier_cutoffs') }}
),

users_by_day as (
    select
        users_valued.as_of_date,
        count(*) as users,
        count(
            case
                when policy.tier_mode = 'capacity' or users_valued.expected_gain > 0
                    then 1
            end
        ) as users_worth,
        count(
            case
                when
                    policy.tier_mode = 'capacity'
                    or users_valued.expected_gain
                    > -policy.hysteresis_margin * policy.contact_cost
                    then 1
            end
        ) as users_worth_keeping
    from {{ ref('int_users_valued') }} as users_valued
    cross join policy
    group by users_valued.as_of_date
),

capacities as (
    select
        tiers.tier_rank,
        policy.hysteresis_margin,
        case tiers.risk_tier
            when 'high' then policy.daily_capacity
            when 'medium' then policy.daily_capacity + policy.medium_capacity
        end as capacity,
        case
            when policy.tier_mode <> 'cutoff' and tiers.risk_tier = 'high'
                then policy.daily_capacity
        end as users_at_most
    from tiers
    cross join policy
),

final as (
    select
        users_by_day.as_of_date,
        capacities.tier_rank,
        capacities.users_at_most,
        case
            when capacity is null then users
            else least(capacity, users_worth)
        end as places,
        case
            when capacity is null then users
            else least(capacity * (1 + hysteresis_margin), users_worth_keeping)
        end as places_kept
    from users_by_day
    cross join capacities
)

select * from final
