{# The days to build, as SQL literals, from the variable `as_of_dates`: '2011-09-09,…'. #}
{% macro as_of_dates() %}
    {% set literals = [] %}
    {% for day in checked_dates('as_of_dates') %}
        {% do literals.append("date '" ~ day ~ "'") %}
    {% endfor %}
    {{ return(literals) }}
{% endmacro %}

{# A variable that must be a list of ISO dates; anything else stops the run. #}
{% macro checked_dates(name) %}
    {% set text = var(name) | string %}
    {% set dates = '[0-9]{4}-[0-9]{2}-[0-9]{2}' %}
    {% if modules.re.fullmatch(dates ~ '(,' ~ dates ~ ')*', text) %}
        {% set days = text.split(',') %}
        {% for day in days %}
            {# strptime refuses 2011-02-30 #}
            {% do modules.datetime.datetime.strptime(day, '%Y-%m-%d') %}
        {% endfor %}
        {{ return(days | unique | list) }}
    {% elif execute %}
        {{ exceptions.raise_compiler_error(
            "The variable " ~ name ~ " must be dates like 2011-09-09,2011-09-10; found '"
            ~ text ~ "'. Pass it through warehouse.dbt_project."
        ) }}
    {% endif %}
    {# dbt reads the project without days to build #}
    {{ return(['1970-01-01']) }}
{% endmacro %}

{# Run the block once per day to build, one result below the other. #}
{% macro for_each_as_of_date() %}
    {%- for as_of_date in as_of_dates() -%}
        {{ caller(as_of_date) }}
        {{- ' union all ' if not loop.last -}}
    {%- endfor -%}
{% endmacro %}

{#
    THE LEAKAGE BOUNDARY. Everything computed for a day goes through here: it happened by the
    end of that day, and that day already knew it, in the version that day knew.
    `days` cuts the past: 30 keeps the 30 days that end with the as_of_date.
#}
{% macro seen_by(as_of_date, happened_on=none, days=none, alias=none) -%}
    {%- set row = alias ~ '.' if alias else '' -%}
    {{ row }}known_on <= {{ as_of_date }}
    and ({{ row }}superseded_on is null or {{ row }}superseded_on > {{ as_of_date }})
    {%- if happened_on %}
    and {{ happened_on }} <= {{ as_of_date }}
    {%- if days %}
    and {{ happened_on }} > {{ as_of_date }} - {{ days }}
    {%- endif %}
    {%- endif %}
{%- endmacro %}

{# A UTC timestamp by the clock on the shop's wall. #}
{% macro shop_time(timestamp) -%}
    timezone('{{ checked_time_zone() }}', timezone('UTC', {{ timestamp }}))
{%- endmacro %}

{# The moment, in UTC, at which a day of the shop ends. #}
{% macro end_of_day(day) -%}
    timezone('UTC', timezone('{{ checked_time_zone() }}', cast({{ day }} + 1 as timestamp)))
{%- endmacro %}

{% macro checked_time_zone() %}
    {% set zone = var('time_zone') | string %}
    {% if not modules.re.fullmatch('[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*', zone) %}
        {{ exceptions.raise_compiler_error("The variable time_zone is no zone name: " ~ zone) }}
    {% endif %}
    {{ return(zone) }}
{% endmacro %}

{# A variable that must be a whole number; anything else stops the run. #}
{% macro checked_number(name) %}
    {% set text = var(name) | string %}
    {% if modules.re.fullmatch('[1-9][0-9]{0,3}', text) %}
        {{ return(text | int) }}
    {% elif execute %}
        {{ exceptions.raise_compiler_error(
            "The variable " ~ name ~ " must be a whole number; found '" ~ text ~ "'."
        ) }}
    {% endif %}
    {{ return(1) }}
{% endmacro %}
