{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='message_id'
) }}

with

changed_messages as (
    select distinct message_id
    from {{ staged('support_messages') }}
    {{ where_changed() }}
),

messages as (
    select * from {{ staged('support_messages') }} as support_messages
    semi join changed_messages using (message_id)
),

complaint_words as (
    select * from {{ ref('complaint_words') }}
),

complaining_texts as (
    select distinct messages.message_text
    from messages
    inner join complaint_words
        on contains(lower(messages.message_text), complaint_words.word)
    where messages.sender = 'user'
),

final as (
    select
        messages.message_id,
        messages.conversation_id,
        messages.user_id,
        messages.sent_at,
        messages.local_at,
        messages.sender,
        messages.satisfaction,
        {# unhappy by mark or by word; agents do not complain #}
        messages.sender = 'user' and (
            coalesce(messages.satisfaction <= 2, false)
            or complaining_texts.message_text is not null
        ) as is_complaint,
        messages.known_on,
        messages.superseded_on,
        messages.changed_by_delivery
    from messages
    left join complaining_texts
        on messages.message_text = complaining_texts.message_text
)

select * from final
