{{ config(materialized='view') }}

{#
    What a campaign makes of what users show: the first of their signals that it answers, and
    whether they show one that keeps it away.
#}
with

signals_found as (
    select distinct signals
    from {{ ref('int_decisions_prepared') }}
),

codes as (
    select rule_code as code
    from {{ ref('warning_rules') }}
    union
    select theme as code
    from {{ ref('reason_texts') }}
),

campaigns as (
    select * from {{ ref('int_campaigns_enabled') }}
),

codes_judged as (
    select
        campaigns.campaign_id,
        codes.code,
        {{ is_meant('codes.code', 'campaigns.trigger_codes') }} as is_trigger,
        campaigns.excluded_codes is not null
        and {{ is_listed('codes.code', 'campaigns.excluded_codes') }} as is_excluded
    from codes
    cross join campaigns
),

codes_shown as (
    select
        signals_found.signals,
        codes.code,
        {{ place_in_list('codes.code', 'signals_found.signals') }} as place
    from signals_found
    inner join codes
        on {{ is_listed('codes.code', 'signals_found.signals') }}
),

signals_judged as (
    select
        codes_shown.signals,
        codes_judged.campaign_id,
        arg_min(
            codes_shown.code, codes_shown.place
        ) filter (where codes_judged.is_trigger) as trigger_code,
        bool_or(codes_judged.is_excluded) as is_excluded
    from codes_shown
    inner join codes_judged using (code)
    group by codes_shown.signals, codes_judged.campaign_id
),

final as (
    select
        signals_found.signals,
        campaigns.campaign_id,
        coalesce(
            signals_judged.trigger_code,
            case when campaigns.trigger_codes is null then 'model' end
        ) as trigger_code,
        coalesce(signals_judged.is_excluded, false) as is_excluded
    from signals_found
    cross join campaigns
    left join signals_judged using (signals, campaign_id)
)

select * from final
