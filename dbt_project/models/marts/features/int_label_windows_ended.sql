{{ config(materialized='view') }}

{#
    The variable `as_of_dates` names the days on which labels are taken: what a day knew of
    the time after each snapshot. Snapshots are the stored days of user_features.
#}
with

label_days as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select {{ as_of_date }} as label_known_on
    {% endcall -%}
),

horizons as (
    select distinct
        label_kind,
        horizon_days
    from {{ ref('churn_definitions') }}
),

snapshots as (
    select distinct as_of_date
    from {{ ref('user_features') }}
),

{# Only windows that had ended when the label was taken: an open one proves nothing. #}
final as (
    select
        snapshots.as_of_date,
        horizons.label_kind,
        horizons.horizon_days,
        label_days.label_known_on
    from snapshots
    cross join horizons
    cross join label_days
    where {{ is_training_snapshot() }}
)

select * from final
