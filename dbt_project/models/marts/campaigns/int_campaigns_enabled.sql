{{ config(materialized='view') }}

{# The campaigns that run, with what their offer is worth. #}
with

policies as (
    select * from {{ ref('campaign_policy') }}
    where
        is_enabled
        and experiment_id <> 'global_control'
),

offers as (
    select
        offer_id,
        face_value,
        face_value * expected_redemption_share as expected_offer_cost
    from {{ ref('offers') }}
),

final as (
    select
        policies.*,
        coalesce(offers.face_value, 0) as face_value,
        coalesce(offers.expected_offer_cost, 0) as expected_offer_cost
    from policies
    left join offers using (offer_id)
)

select * from final
