{#
    What recommendations are made with, in one place. The sizes bound the cost: a user brings at
    most `tastes_learned` products into the neighbourhoods and `tastes_recent` into the own
    recommendations, whatever was clicked; `users_learned` users show what goes with what as
    well as millions would.
#}
{% macro recommendation_rules() %}
    {{ return({
        'per_user': 10,
        'window_days': 180,
        'half_life_days': 60,
        'users_learned': 200000,
        'tastes_learned': 20,
        'tastes_recent': 12,
        'neighbours': 25,
        'users_judged': 20000,
        'fewest_together': 2,
        'shrinkage': 30,
        'popular_days': 28,
        'popular_per_scope': 40,
        'bought_days': 28,
        'returned_days': 365,
        'judged_days': 28,
    }) }}
{% endmacro %}

{# What an act says of a liking, against a view. #}
{% macro taste_weights() %}
    {{ return({
        'product_view': 1, 'add_to_cart': 3, 'favorite': 3, 'bought': 5,
    }) }}
{% endmacro %}

{#
    Neighbourhoods are learnt, and recommendations judged, once a week: as of the Sunday that a
    day belongs to, the newest that is not after it. So every day of a week, and every rerun of
    it, reads the same.
#}
{% macro week_of(day) %}
    {% set date = modules.datetime.date.fromisoformat(day) %}
    {% set back = modules.datetime.timedelta(days=date.isoweekday() % 7) %}
    {{ return((date - back).isoformat()) }}
{% endmacro %}

{# The day whose recommendations are judged by what was bought up to the week's Sunday. #}
{% macro day_judged_by(week) %}
    {% set days = modules.datetime.timedelta(
        days=recommendation_rules().judged_days
    ) %}
    {{ return((modules.datetime.date.fromisoformat(week) - days).isoformat()) }}
{% endmacro %}

{# The weeks of the days being built, without those that a table holds already. #}
{% macro weeks_to_build(weeks, table, column) %}
    {% set missing = weeks | unique | sort | list %}
    {% if execute and not flags.FULL_REFRESH %}
        {% set built = adapter.get_relation(target.database, 'recommendations', table) %}
        {% if built is not none %}
            {% set found = run_query(
                "select distinct cast(" ~ column ~ " as varchar) from " ~ built
            ).columns[0].values() | list %}
            {% set missing = missing | reject('in', found) | list %}
        {% endif %}
    {% endif %}
    {{ return(missing) }}
{% endmacro %}

{# The weeks whose report is still to be written. #}
{% macro weeks_to_judge() %}
    {% set weeks = [] %}
    {% for day in checked_dates('as_of_dates') %}
        {% do weeks.append(week_of(day)) %}
    {% endfor %}
    {{ return(weeks_to_build(weeks, 'recommendation_report', 'as_of_date')) }}
{% endmacro %}

{# The weeks whose neighbourhoods are still to be learnt. #}
{% macro weeks_to_learn() %}
    {% set weeks = [] %}
    {% for occasion in recommendation_occasions() %}
        {% do weeks.append(occasion.learned_on) %}
    {% endfor %}
    {{ return(weeks_to_build(weeks, 'int_product_neighbours', 'learned_on')) }}
{% endmacro %}

{#
    For what recommendations are made in this run: to be served on the days being built, and to
    be judged on the day that a week's report looks back at. Both go through the same SQL.
#}
{% macro recommendation_occasions() %}
    {% set occasions = [] %}
    {% for day in checked_dates('as_of_dates') %}
        {% do occasions.append({
            'purpose': 'serve', 'day': day, 'learned_on': week_of(day),
        }) %}
    {% endfor %}
    {% for week in weeks_to_judge() %}
        {% do occasions.append({
            'purpose': 'judge', 'day': day_judged_by(week),
            'learned_on': day_judged_by(week), 'judged_on': week,
        }) %}
    {% endfor %}
    {{ return(occasions) }}
{% endmacro %}

{#
    Products that users looked at, put into the cart, marked or bought in the days up to the
    as_of_date, as that day knew it; an act counts half as much every half_life_days.
#}
{% macro tastes(as_of_date, only_users=none) -%}
    {%- set rules = recommendation_rules() -%}
    {%- set weights = taste_weights() -%}
    {%- set among -%}
        {%- if only_users %}and user_id in (select user_id from {{ only_users }})
        {%- endif -%}
    {%- endset -%}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        product_id,
        sum(cast(
            acts * pow(0.5, ({{ as_of_date }} - acted_on) / {{ rules.half_life_days }}.0)
            as decimal(18, 6)
        )) as weight,
        cast(sum(bought_days) as integer) as bought_days
    from (
        select
            user_id,
            product_id,
            cast(local_at as date) as acted_on,
            case event_type
                when 'product_view' then {{ weights.product_view }}
                when 'add_to_cart' then {{ weights.add_to_cart }}
                when 'favorite' then {{ weights.favorite }}
            end as acts,
            0 as bought_days
        from {{ staged('events') }} as events
        where
            event_type in ('product_view', 'add_to_cart', 'favorite')
            and product_id is not null
            and user_id is not null
            {{ among }}
            and {{ seen_by(
                as_of_date, 'cast(local_at as date)', days=rules.window_days
            ) }}
        union all
        select distinct
            user_id,
            product_id,
            bought_on as acted_on,
            {{ weights.bought }} as acts,
            1 as bought_days
        from ({{ purchases(as_of_date, rules.window_days) }})
        where true {{ among }}
    )
    where
        product_id not in ({{ charges(as_of_date) }})
    group by user_id, product_id
{%- endmacro %}

{# Products on paid orders of the days up to the as_of_date, as that day knew them. #}
{% macro purchases(as_of_date, days) -%}
    select
        orders.user_id,
        order_items.product_id,
        orders.order_date as bought_on
    from {{ ref('int_orders_valued') }} as orders
    inner join {{ staged('order_items') }} as order_items
        on orders.order_id = order_items.order_id
    where
        orders.is_paid
        and order_items.product_id is not null
        and {{ seen_by(as_of_date, 'orders.order_date', days=days, alias='orders') }}
        and {{ seen_by(as_of_date, alias='order_items') }}
{%- endmacro %}

{# What is on the bill and is no product: postage, fees. #}
{% macro charges(as_of_date) -%}
    select product_id from {{ staged('products') }}
    where category = 'charge' and {{ seen_by(as_of_date) }}
{%- endmacro %}
