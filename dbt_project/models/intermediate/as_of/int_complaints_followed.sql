with

conversations as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        conversation_id,
        max(case when is_complaint then sent_at end) as last_complaint_at,
        max(case when sender = 'agent' then sent_at end) as last_answer_at
    from {{ ref('int_messages_classified') }}
    where
        {{ seen_by(as_of_date, 'cast(local_at as date)', days=365) }}
    group by user_id, conversation_id
    {% endcall -%}
),

complaints as (
    select
        *,
        coalesce(last_answer_at < last_complaint_at, true) as is_unanswered
    from conversations
    where last_complaint_at is not null
),

final as (
    select
        as_of_date,
        user_id,
        arg_max(is_unanswered, (last_complaint_at, conversation_id))
            as is_last_complaint_unanswered
    from complaints
    group by as_of_date, user_id
)

select * from final
