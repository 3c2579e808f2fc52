{#
    For whom recommendations are made: to be served, every user who was scored; to be judged,
    whoever bought afterwards and could have been known by then.
#}
with

scored as (
    select
        'serve' as purpose,
        as_of_date,
        user_id
    from {{ source('ml', 'churn_scores') }}
    where as_of_date in ({{ days_being_built() }})
),

buyers as (
    select distinct
        'judge' as purpose,
        as_of_date,
        user_id
    from {{ ref('int_purchases_to_come') }}
),

occasions as (
    {%- for occasion in recommendation_occasions() %}
    select
        '{{ occasion.purpose }}' as purpose,
        date '{{ occasion.day }}' as as_of_date,
        date '{{ occasion.learned_on }}' as learned_on
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

countries as (
    select * from {{ ref('int_countries_known') }}
),

{# Enough to judge by, in the order of a hash. #}
buyers_drawn as (
    select
        *,
        row_number() over (
            partition by as_of_date order by md5(user_id), user_id
        ) as user_number
    from buyers
),

users as (
    select * from scored
    union all
    select * exclude (user_number) from buyers_drawn
    where user_number <= {{ recommendation_rules().users_judged }}
),

final as (
    select
        users.purpose,
        users.as_of_date,
        users.user_id,
        occasions.learned_on,
        countries.country
    from users
    inner join occasions using (purpose, as_of_date)
    left join countries using (purpose, as_of_date, user_id)
    where users.purpose = 'serve' or countries.user_id is not null
)

select * from final
