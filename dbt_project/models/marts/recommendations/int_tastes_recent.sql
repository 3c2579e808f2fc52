{# What the users like most; a few products each, to bound the cost. #}
with

users as (
    select * from {{ ref('int_users_to_recommend_to') }}
),

all_tastes as (
    {%- for occasion in recommendation_occasions() %}
    select
        '{{ occasion.purpose }}' as purpose,
        tastes.*
    from (
        {{ tastes("date '" ~ occasion.day ~ "'", only_users='users') }}
    ) as tastes
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

ranked as (
    select
        all_tastes.*,
        users.learned_on,
        cast(row_number() over (
            partition by all_tastes.purpose, all_tastes.as_of_date, all_tastes.user_id
            order by all_tastes.weight desc, all_tastes.product_id asc
        ) as integer) as taste_rank
    from all_tastes
    inner join users using (purpose, as_of_date, user_id)
),

final as (
    select * from ranked
    where taste_rank <= {{ recommendation_rules().tastes_recent }}
)

select * from final
