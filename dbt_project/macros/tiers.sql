{# A previous day older than this says nothing of today: the user starts afresh. #}
{% macro previous_day_reach() %}
    {{ return(7) }}
{% endmacro %}

{#
    Give every judged user a tier, day by day, since a day looks back at the one before it.
    Ends with the CTE `tiers_decided`.

    A user enters a tier at its entry cut-off and leaves it only below its lower exit cut-off;
    where the high tier takes so many users and no more, those who are in it go first.
    A warning raises the tier and never lowers it. A day that was built before keeps what it
    saw of its previous day, so that running it again gives the same rows.
#}
{% macro tiers_decided(judged, cutoffs, remembered) %}
{%- set days = as_of_dates() | sort %}
remembered_0 as (
    {%- if is_incremental() %}
    select
        as_of_date, user_id, risk_tier, model_tier, tier_since,
        previous_risk_tier, previous_model_tier, previous_tier_since, previous_as_of_date
    from {{ remembered }}
    where
        {%- for day in days %}
        as_of_date between {{ day }} - {{ previous_day_reach() }} and {{ day }}
        {{- ' or' if not loop.last }}
        {%- endfor %}
    {%- else %}
    select
        cast(null as date) as as_of_date,
        cast(null as varchar) as user_id,
        cast(null as varchar) as risk_tier,
        cast(null as varchar) as model_tier,
        cast(null as date) as tier_since,
        cast(null as varchar) as previous_risk_tier,
        cast(null as varchar) as previous_model_tier,
        cast(null as date) as previous_tier_since,
        cast(null as date) as previous_as_of_date
    where false
    {%- endif %}
),
{% for day in days %}
{# a day that was built before looks back at the day at which it looked then #}
previous_day_{{ loop.index }} as (
    select
        case
            when count(case when as_of_date = {{ day }} then 1 end) > 0
                then max(
                    case when as_of_date = {{ day }} then previous_as_of_date end
                )
            else max(
                case
                    when
                        as_of_date < {{ day }}
                        and as_of_date >= {{ day }} - {{ previous_day_reach() }}
                        then as_of_date
                end
            )
        end as as_of_date
    from remembered_{{ loop.index0 }}
),

seen_before_{{ loop.index }} as (
    select
        coalesce(same_day.user_id, day_before.user_id) as user_id,
        case
            when same_day.user_id is null then day_before.risk_tier
            else same_day.previous_risk_tier
        end as previous_risk_tier,
        case
            when same_day.user_id is null then day_before.model_tier
            else same_day.previous_model_tier
        end as previous_model_tier,
        case
            when same_day.user_id is null then day_before.tier_since
            else same_day.previous_tier_since
        end as previous_tier_since
    from (
        select * from remembered_{{ loop.index0 }}
        where as_of_date = {{ day }}
    ) as same_day
    full join (
        select * from remembered_{{ loop.index0 }}
        where as_of_date = (select as_of_date from previous_day_{{ loop.index }})
    ) as day_before
        on same_day.user_id = day_before.user_id
),

wanted_{{ loop.index }} as (
    select
        judged.as_of_date,
        judged.user_id,
        judged.place,
        judged.high_at_most,
        judged.warning_rank,
        judged.strongest_warning,
        judged.warning_codes,
        seen_before.previous_risk_tier,
        seen_before.previous_model_tier,
        seen_before.previous_tier_since,
        previous_cutoffs.tier_rank as previous_model_rank,
        {# greatest() and least() skip nulls: no probability must stay no rank #}
        case
            when judged.entered_rank is not null
                then greatest(
                    judged.entered_rank,
                    least(judged.kept_rank, coalesce(previous_cutoffs.tier_rank, 0))
                )
        end as wanted_rank
    from {{ judged }} as judged
    left join seen_before_{{ loop.index }} as seen_before
        on judged.user_id = seen_before.user_id
    left join {{ cutoffs }} as previous_cutoffs
        on seen_before.previous_model_tier = previous_cutoffs.risk_tier
    where judged.as_of_date = {{ day }}
),

ranked_{{ loop.index }} as (
    select
        *,
        case
            when
                wanted_rank = (select max(tier_rank) from {{ cutoffs }})
                and row_number() over (
                    partition by wanted_rank
                    order by previous_model_rank = wanted_rank desc nulls last, place
                ) > high_at_most
                then wanted_rank - 1
            else wanted_rank
        end as model_rank
    from wanted_{{ loop.index }}
),

decided_{{ loop.index }} as (
    select
        ranked.as_of_date,
        ranked.user_id,
        risk_cutoffs.risk_tier,
        model_cutoffs.risk_tier as model_tier,
        case
            when ranked.warning_rank > ranked.model_rank then ranked.strongest_warning
            else 'model'
        end as tier_reason,
        ranked.warning_codes,
        case
            when risk_cutoffs.risk_tier = ranked.previous_risk_tier
                then ranked.previous_tier_since
            else ranked.as_of_date
        end as tier_since,
        ranked.previous_risk_tier,
        ranked.previous_model_tier,
        ranked.previous_tier_since,
        previous_day.as_of_date as previous_as_of_date
    from ranked_{{ loop.index }} as ranked
    cross join previous_day_{{ loop.index }} as previous_day
    {# without a usable probability there is no tier, whatever the warnings say #}
    left join {{ cutoffs }} as model_cutoffs
        on ranked.model_rank = model_cutoffs.tier_rank
    left join {{ cutoffs }} as risk_cutoffs
        on
            greatest(ranked.model_rank, coalesce(ranked.warning_rank, 0))
            = risk_cutoffs.tier_rank
            and ranked.model_rank is not null
),

remembered_{{ loop.index }} as (
    select * from remembered_{{ loop.index0 }}
    where as_of_date <> {{ day }}
    union all by name
    select * exclude (tier_reason, warning_codes)
    from decided_{{ loop.index }}
),
{% endfor %}
tiers_decided as (
    {%- for day in days %}
    select * from decided_{{ loop.index }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)
{%- endmacro %}
