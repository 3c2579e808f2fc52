{#
    Whether a snapshot's window had ended when labels were taken, and training may ask for
    it: a whole number of steps before the newest such snapshot, or before the one a horizon
    earlier, on which candidates are compared. A step of 1 keeps every stored snapshot.
#}
{% macro is_training_snapshot() -%}
    {%- set step = checked_number('label_step_days') -%}
    {%- set age = '(label_days.label_known_on - snapshots.as_of_date)' -%}
    {{ age }} >= horizons.horizon_days
    and (
        ({{ age }} - horizons.horizon_days) % {{ step }} = 0
        or ({{ age }} - 2 * horizons.horizon_days) % {{ step }} = 0
    )
{%- endmacro %}
