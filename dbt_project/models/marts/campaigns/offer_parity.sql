{{ config(materialized='view') }}

{#
    How choices and offers fall on the groups of what no offer may depend on. It counts who was
    chosen, whatever the arm: that is the decision. Groups of fewer than ten users are counted
    and no more, so that nobody can be picked out.
#}
{% set groups = {
    'gender': 'gender',
    'age_years': "case
            when age_years < 25 then 'under 25'
            when age_years < 35 then '25 to 34'
            when age_years < 50 then '35 to 49'
            when age_years < 65 then '50 to 64'
            when age_years >= 65 then '65 and over'
        end",
    'country': 'country',
    'region': 'region',
    'city': 'city',
    'language': 'language',
} %}

with

users_scored as (
    select
        as_of_date,
        user_id,
        run_id
    from {{ ref('user_risk_tiers') }}
),

profiles as (
    select
        {%- for attribute, expression in groups.items() %}
        coalesce({{ expression }}, 'unknown') as {{ attribute }},
        {%- endfor %}
        as_of_date,
        user_id
    from {{ ref('user_features') }}
    where as_of_date in ({{ days_being_built() }})
),

choices as (
    select
        choices.as_of_date,
        choices.user_id,
        campaigns.face_value
    from {{ source('ml', 'action_choices') }} as choices
    inner join {{ ref('int_campaigns_enabled') }} as campaigns using (campaign_id)
    where choices.as_of_date in ({{ days_being_built() }})
),

users as (
    select
        users_scored.as_of_date,
        users_scored.run_id,
        profiles.* exclude (as_of_date, user_id),
        case when choices.user_id is not null then 1 else 0 end as chosen,
        case when choices.face_value > 0 then 1 else 0 end as offered,
        cast(coalesce(choices.face_value, 0) as decimal(18, 4)) as offer_value
    from users_scored
    inner join profiles using (as_of_date, user_id)
    left join choices using (as_of_date, user_id)
),

everybody as (
    select
        as_of_date,
        {{ share('sum(offered)', 'count(*)') }} as offered_share
    from users
    group by as_of_date
),

grouped as (
    {%- for attribute in groups %}
    select
        as_of_date,
        '{{ attribute }}' as attribute,
        {{ attribute }} as group_value,
        max(run_id) as run_id,
        count(*) as users,
        sum(chosen) as users_chosen,
        sum(offered) as users_offered,
        sum(offer_value) as offer_value
    from users
    group by as_of_date, {{ attribute }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

large as (
    select
        *,
        users < 10 as is_small,
        {{ share('users_offered', 'users') }} as offered_share_of_all
    from grouped
),

final as (
    select
        -- ids and dates
        large.as_of_date,
        large.attribute,
        large.group_value,
        sensitive_attributes.kind,

        -- users
        large.users,
        large.is_small,
        case when not is_small then cast(users_chosen as bigint) end as users_chosen,
        case when not is_small then cast(users_offered as bigint) end as users_offered,

        -- rates
        case when not is_small then {{ share('users_chosen', 'users') }} end
            as chosen_share,
        case when not is_small then {{ share('users_offered', 'users') }} end
            as offered_share,
        case when not is_small then {{ share('offer_value', 'users_offered') }} end
            as offer_value_mean,
        case
            when not is_small
                then offered_share_of_all / nullif(everybody.offered_share, 0)
        end as offered_share_ratio,

        -- origin
        large.run_id
    from large
    inner join {{ ref('sensitive_attributes') }} as sensitive_attributes
        using (attribute)
    left join everybody using (as_of_date)
)

select * from final
