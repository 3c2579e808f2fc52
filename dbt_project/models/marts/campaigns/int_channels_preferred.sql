{{ config(materialized='view') }}

{#
    The channel that a user answers best: openings and clicks per message of 180 days, four
    silent messages added so that one lucky opening is not everything.
#}
with

touches as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        channel,
        case
            when cast({{ shop_time('opened_at') }} as date) <= {{ as_of_date }} then 1
            else 0
        end as openings,
        case
            when cast({{ shop_time('clicked_at') }} as date) <= {{ as_of_date }} then 1
            else 0
        end as clicks
    from {{ staged('campaign_touches') }}
    where {{ seen_by(as_of_date, 'cast(local_at as date)', days=180) }}
    {% endcall -%}
),

answers as (
    select
        as_of_date,
        user_id,
        channel,
        {{ share('sum(openings) + sum(clicks)', '(count(*) + 4)') }} as answer_rate
    from touches
    group by as_of_date, user_id, channel
),

final as (
    select
        as_of_date,
        user_id,
        arg_min(channel, (-answer_rate, channel)) as preferred_channel
    from answers
    where answer_rate > 0
    group by as_of_date, user_id
)

select * from final
