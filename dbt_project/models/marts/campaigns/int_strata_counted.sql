{{ config(materialized='view') }}

{# How many scored users a stratum holds, and so which share of it is held out. #}
with

strata as (
    select
        as_of_date,
        stratum,
        count(*) as users
    from {{ ref('int_decisions_prepared') }}
    group by as_of_date, stratum
),

campaigns as (
    select * from {{ ref('int_campaigns_enabled') }}
),

final as (
    select
        strata.as_of_date,
        strata.stratum,
        campaigns.campaign_id,
        strata.users,
        case
            when strata.users < campaigns.small_stratum_users
                then campaigns.small_stratum_holdout_share
            else campaigns.holdout_share
        end as holdout_share
    from strata
    cross join campaigns
)

select * from final
