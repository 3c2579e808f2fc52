{#
    An incremental strategy: the days of this run are taken out and put in again. dbt would keep
    their rows in a temporary table between the two, and so write them twice; here the query is
    only named, and runs once, into the table itself.
#}
{% macro get_incremental_replace_days_sql(arguments) %}
    {%- set columns = get_quoted_csv(arguments.dest_columns | map(attribute='name')) -%}
    delete from {{ arguments.target_relation }}
    where as_of_date in ({{ as_of_dates() | join(', ') }});

    insert into {{ arguments.target_relation }} ({{ columns }})
    select {{ columns }} from {{ arguments.temp_relation }}
{% endmacro %}

{% macro duckdb__create_table_as(
    temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none
) %}
    {%- if temporary and config.get('incremental_strategy') == 'replace_days' -%}
        {%- if config.get('contract').enforced -%}
            {{ get_assert_columns_equivalent(compiled_code) }}
        {%- endif -%}
        create temporary view {{ relation.include(database=false, schema=false) }} as (
            {{ compiled_code }}
        )
    {%- else -%}
        {{ dbt.duckdb__create_table_as(
            temporary, relation, compiled_code, language, partitioned_by, sorted_by
        ) }}
    {%- endif -%}
{% endmacro %}
