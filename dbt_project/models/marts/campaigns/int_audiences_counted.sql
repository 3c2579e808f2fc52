{{ config(materialized='view') }}

{#
    Whom a campaign can reach on a day, those included whom it may not choose just now, and how
    many of them would be held out. Decimals are summed, so that no order changes a digit.
#}
with

judged as (
    select
        as_of_date,
        campaign_id,
        stratum,
        first_reason,
        churn_probability
    from {{ ref('int_campaigns_judged') }}
    where
        first_reason is null
        or first_reason in ({{ passing_reasons() }})
),

strata as (
    select * from {{ ref('int_strata_counted') }}
),

by_stratum as (
    select
        as_of_date,
        campaign_id,
        stratum,
        count(*) as users,
        count(case when first_reason is null then 1 end) as users_free,
        sum(cast(churn_probability as decimal(18, 12))) as churners
    from judged
    group by as_of_date, campaign_id, stratum
),

final as (
    select
        by_stratum.as_of_date,
        by_stratum.campaign_id,
        sum(by_stratum.users) as users,
        sum(by_stratum.users_free) as users_free,
        cast(sum(by_stratum.churners) as double) as churners,
        cast(sum(
            cast(by_stratum.users * strata.holdout_share as decimal(18, 4))
        ) as double) as users_held_out
    from by_stratum
    left join strata using (as_of_date, campaign_id, stratum)
    group by by_stratum.as_of_date, by_stratum.campaign_id
)

select * from final
