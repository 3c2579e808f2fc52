{#
    dbt's own macro, with one word more: in a test's `where`, days_of_this_run stands for the
    days that the run builds. A variable would be filled in when dbt reads the project, which
    is done once for many runs.
#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where', '') -%}
    {%- if where -%}
    (
        select * from {{ relation }}
        where {{ where | replace('days_of_this_run', days_being_built()) }}
    ) as rows_to_test
    {%- else -%}
    {{ relation }}
    {%- endif -%}
{%- endmacro %}
