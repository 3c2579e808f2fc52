{#
    The grain of a table of row versions: on no day are two versions of a key valid. Looks at
    the keys that the newest delivery changed, or at all of them on a full refresh.
#}
{% test is_known_once(model, columns) %}

{%- set key = columns | join(', ') %}
with

changed_keys as (
    select distinct {{ key }}
    from {{ model }}
    {%- if not flags.FULL_REFRESH %}
    where changed_by_delivery = (select max(changed_by_delivery) from {{ model }})
    {%- endif %}
),

spans as (
    select
        {{ key }},
        superseded_on,
        lead(known_on) over (
            partition by {{ key }} order by known_on, superseded_on nulls last
        ) as next_known_on
    from {{ model }}
    semi join changed_keys using ({{ key }})
    where superseded_on is null or superseded_on > known_on
)

select *
from spans
where next_known_on < coalesce(superseded_on, 'infinity'::date)

{% endtest %}
