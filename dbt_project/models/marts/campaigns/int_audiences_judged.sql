{{ config(materialized='view') }}

{# Which users a campaign means, by tiers and lifecycle. #}
with

tiers_found as (
    select distinct
        tiers,
        risk_tier,
        value_tier,
        lifecycle_status
    from {{ ref('int_decisions_prepared') }}
),

campaigns as (
    select * from {{ ref('int_campaigns_enabled') }}
),

final as (
    select
        tiers_found.tiers,
        campaigns.campaign_id,
        {{ is_meant('tiers_found.risk_tier', 'campaigns.risk_tiers') }}
        and {{ is_meant('tiers_found.value_tier', 'campaigns.value_tiers') }}
        and {{ is_meant('tiers_found.lifecycle_status', 'campaigns.lifecycles') }}
            as is_in_audience
    from tiers_found
    cross join campaigns
)

select * from final
