{{ config(materialized='view') }}

with

churn_scores as (
    select * from {{ source('ml', 'churn_scores') }}
    where as_of_date in ({{ days_being_built() }})
),

user_features as (
    select * from {{ ref('user_features') }}
    where as_of_date in ({{ days_being_built() }})
),

final as (
    select
        -- ids and dates
        churn_scores.as_of_date,
        churn_scores.user_id,
        churn_scores.model_version,
        churn_scores.horizon_days,

        -- score: NaN is greater than any number, so it must not pass for one
        case
            when churn_scores.churn_probability between 0 and 1
                then churn_scores.churn_probability
        end as churn_probability,
        churn_scores.churn_percentile,
        churn_scores.churn_decile,

        -- reasons
        {%- for place in [1, 2, 3] %}
        churn_scores.reason_{{ place }}_code,
        churn_scores.reason_{{ place }}_value,
        churn_scores.reason_{{ place }}_contribution,
        {%- endfor %}

        -- buying
        user_features.days_since_last_paid_order,
        user_features.days_since_first_paid_order,
        user_features.last_purchase_gap_days,
        user_features.recency_in_own_gaps,
        user_features.paid_orders_365d,
        user_features.paid_days_365d,
        user_features.net_amount_365d,
        user_features.net_amount_trend_90d,
        user_features.order_value_mean_365d,

        -- relations
        user_features.days_since_last_visit,
        user_features.days_since_last_complaint,
        user_features.is_last_complaint_unanswered,
        user_features.days_since_last_review,
        user_features.low_ratings_365d,
        user_features.refund_share_365d,

        -- profile
        user_features.country
    from churn_scores
    left join user_features using (as_of_date, user_id)
)

select * from final
