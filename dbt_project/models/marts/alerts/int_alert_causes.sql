{{ config(materialized='view') }}

{# What each kind of alert looks for; the seed alert_rules says how much and how old. #}
with

tiers as (
    select * from {{ ref('user_risk_tiers') }}
),

tier_ranks as (
    select
        risk_tier,
        tier_rank
    from {{ ref('risk_tier_cutoffs') }}
),

user_features as (
    select * from {{ ref('user_features') }}
    where as_of_date in ({{ days_being_built() }})
),

deliveries_failed as (
    select * from {{ ref('int_deliveries_failed') }}
),

tiers_rose as (
    select
        tiers.as_of_date,
        tiers.user_id,
        'tier_rose' as alert_kind,
        tiers.tier_since as since_date
    from tiers
    inner join tier_ranks as ranks on tiers.risk_tier = ranks.risk_tier
    inner join tier_ranks as previous_ranks
        on tiers.previous_risk_tier = previous_ranks.risk_tier
    where ranks.tier_rank > previous_ranks.tier_rank
),

complaints as (
    select
        as_of_date,
        user_id,
        'complaint' as alert_kind,
        as_of_date - cast(days_since_last_complaint as integer) as since_date
    from user_features
    where is_last_complaint_unanswered
),

final as (
    select * from tiers_rose
    union all by name
    {# a parcel that is missing is told once, as the failed delivery that it is #}
    select * from complaints
    anti join deliveries_failed using (as_of_date, user_id, since_date)
    union all by name
    select
        *,
        'delivery_failed' as alert_kind
    from deliveries_failed
    union all by name
    select
        as_of_date,
        user_id,
        'large_basket_abandoned' as alert_kind,
        since_date,
        basket_value as value,
        quiet_minutes
    from {{ ref('int_baskets_abandoned') }}
)

select * from final
