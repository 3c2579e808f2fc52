{{ config(materialized='view') }}

with

words as (
    select * from {{ ref('delivery_failure_words') }}
),

signs as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        cast(local_at as date) as since_date,
        'message' as found_in,
        lower(message_text) as said
    from {{ staged('support_messages') }}
    where
        {{ seen_by(as_of_date, 'cast(local_at as date)', days=alert_reach()) }}
        and sender = 'user'
    union all
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        cast(local_at as date) as since_date,
        'return_reason' as found_in,
        lower(reason) as said
    from {{ staged('returns') }}
    where
        {{ seen_by(as_of_date, 'cast(local_at as date)', days=alert_reach()) }}
    {% endcall -%}
),

final as (
    select
        signs.as_of_date,
        signs.user_id,
        max(signs.since_date) as since_date
    from signs
    inner join words
        on
            signs.found_in = words.found_in
            and case signs.found_in
                when 'message' then contains(signs.said, words.word)
                else signs.said = words.word
            end
    where signs.user_id is not null
    group by signs.as_of_date, signs.user_id
)

select * from final
