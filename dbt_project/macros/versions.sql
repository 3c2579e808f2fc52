{#
    Delivered rows of one source table. On an incremental run only the keys that new
    deliveries touch come back, each with all its versions, so that chains stay whole.
#}
{% macro delivered(source_name, table_name, key) %}
    {%- set delivered_rows = source(source_name, table_name) %}
    select *
    from {{ delivered_rows }}
    {%- if is_incremental() %}
    where ({{ key }}) in (
        select ({{ key }})
        from {{ delivered_rows }}
        where delivery_number > (
            select coalesce(max(changed_by_delivery), -1) from {{ this }}
        )
    )
    {%- endif %}
{% endmacro %}

{#
    Turn delivered rows into row versions: the newest delivery of a key replaces the older
    ones from the day on which it was known. Ties follow the order within the delivery.
    Ends with the CTE `row_versions`. Most keys come once, and are spared the sorting.
#}
{% macro versions_of(rows, key, table) %}
repeated_keys as (
    select {{ key }}
    from {{ rows }}
    group by {{ key }}
    having count(*) > 1
),

row_versions as (
    select
        {{- contract_values(table) }}
        cast(null as date) as superseded_on,
        delivery_number as changed_by_delivery
    from {{ rows }}
    anti join repeated_keys using ({{ key }})
    union all
    select
        {{- contract_values(table) }}
        lead(known_on) over newer as superseded_on,
        greatest(
            delivery_number, lead(delivery_number) over newer
        ) as changed_by_delivery
    from {{ rows }}
    semi join repeated_keys using ({{ key }})
    window newer as (
        partition by {{ key }}
        order by known_on, delivery_number, source_file, source_line
    )
)
{%- endmacro %}

{# The contract's columns in the contract's types, and when the row happened and was known. #}
{% macro contract_values(table) %}
        {%- for column, type in contract_columns(table).items() %}
        cast({{ column }} as {{ type }}) as {{ column }},
        {%- endfor %}
        {%- if happened_at_column(table) %}
        {{ shop_time(happened_at_column(table)) }} as local_at,
        {%- endif %}
        known_on,
{%- endmacro %}

{#
    Cut row versions that share a key into spans of days that know the same rows, so that
    exactly one set of rows is valid on any day. Ends with the CTE `rows_by_span`: the rows
    of each span, with the span's own known_on and superseded_on. Most keys were known at
    once and never changed; they pass untouched. So do versions that were replaced on the day
    they came: no day knows them, but they name a day that must be built again.
#}
{% macro spans_of(rows, key) %}
{%- set keys = key.split(', ') %}
changed_keys as (
    select {{ key }}
    from {{ rows }}
    group by {{ key }}
    having min(known_on) < max(known_on) or count(superseded_on) > 0
),

turning_days as (
    select {{ key }}, known_on
    from {{ rows }}
    semi join changed_keys using ({{ key }})
    union
    select {{ key }}, superseded_on as known_on
    from {{ rows }}
    semi join changed_keys using ({{ key }})
    where superseded_on is not null
),

spans as (
    select
        {{ key }},
        known_on as span_known_on,
        lead(known_on) over (
            partition by {{ key }} order by known_on
        ) as span_superseded_on
    from turning_days
),

rows_by_span as (
    select
        {{ rows }}.* exclude (known_on, superseded_on),
        {{ rows }}.known_on,
        {{ rows }}.superseded_on
    from {{ rows }}
    anti join changed_keys using ({{ key }})
    union all
    select
        {{ rows }}.* exclude (known_on, superseded_on),
        {{ rows }}.known_on,
        {{ rows }}.superseded_on
    from {{ rows }}
    where {{ rows }}.superseded_on = {{ rows }}.known_on
    union all
    select
        {{ rows }}.* exclude (known_on, superseded_on),
        spans.span_known_on as known_on,
        spans.span_superseded_on as superseded_on
    from {{ rows }}
    inner join spans
        on
            {%- for column in keys %}
            {{ rows }}.{{ column }} = spans.{{ column }} and
            {%- endfor %}
            {{ rows }}.known_on <= spans.span_known_on
            and (
                {{ rows }}.superseded_on is null
                or {{ rows }}.superseded_on > spans.span_known_on
            )
)
{%- endmacro %}

{# Only rows of changed days; all of them when everything is built. #}
{% macro where_among(day, changed_days) %}
    {%- if is_incremental() -%}
    where {{ day }} in (select activity_date from {{ changed_days }})
    {%- endif %}
{% endmacro %}

{# Only what deliveries changed since this model was last built; all of it at first. #}
{% macro where_changed() %}
    {%- if is_incremental() -%}
    where changed_by_delivery > (
        select coalesce(max(changed_by_delivery), -1) from {{ this }}
    )
    {%- endif %}
{% endmacro %}
