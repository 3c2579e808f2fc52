{#
    What most users bought in the last weeks: in the shop, in a country, and of a category. The
    scopes are what users fall back on, the narrowest first.
#}
{%- set rules = recommendation_rules() %}
with

purchases as (
    {%- for occasion in recommendation_occasions() %}
    {%- set day = "date '" ~ occasion.day ~ "'" %}
    select distinct
        '{{ occasion.purpose }}' as purpose,
        {{ day }} as as_of_date,
        user_id,
        product_id
    from ({{ purchases(day, rules.popular_days) }})
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

catalogue as (
    select * from {{ ref('int_catalogue_known') }}
),

countries as (
    select * from {{ ref('int_countries_known') }}
),

described as (
    select
        purchases.*,
        catalogue.category,
        countries.country
    from purchases
    left join catalogue using (purpose, as_of_date, product_id)
    left join countries using (purpose, as_of_date, user_id)
    where catalogue.category is distinct from 'charge'
),

counted as (
    {%- for scope, scope_value in [
        ('category', 'category'), ('country', 'country'), ('shop', "'all'")
    ] %}
    select
        purpose,
        as_of_date,
        '{{ scope }}' as scope,
        {{ scope_value }} as scope_value,
        product_id,
        count(*) as buyers
    from described
    where {{ scope_value }} is not null
    group by purpose, as_of_date, {{ scope_value }}, product_id
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

ranked as (
    select
        *,
        cast(row_number() over (
            partition by purpose, as_of_date, scope, scope_value
            order by buyers desc, product_id asc
        ) as integer) as popularity_rank
    from counted
    {# one buyer in a small country makes no fashion #}
    where scope = 'shop' or buyers >= {{ rules.fewest_together }}
),

final as (
    select * from ranked
    where popularity_rank <= {{ rules.popular_per_scope }}
)

select * from final
