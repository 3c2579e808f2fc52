{#
    What is not recommended to a user: bought in the last weeks, or sent back in the last year.
    What was bought earlier may come again.
#}
{%- set rules = recommendation_rules() %}
with

users as (
    select * from {{ ref('int_users_to_recommend_to') }}
),

barred as (
    {%- for occasion in recommendation_occasions() %}
    {%- set day = "date '" ~ occasion.day ~ "'" %}
    select
        '{{ occasion.purpose }}' as purpose,
        {{ day }} as as_of_date,
        user_id,
        product_id
    from ({{ purchases(day, rules.bought_days) }})
    union
    select
        '{{ occasion.purpose }}' as purpose,
        {{ day }} as as_of_date,
        user_id,
        product_id
    from {{ staged('returns') }} as returns
    where
        product_id is not null
        and {{ seen_by(day, 'cast(local_at as date)', days=rules.returned_days) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select * from barred
    semi join users using (purpose, as_of_date, user_id)
)

select * from final
