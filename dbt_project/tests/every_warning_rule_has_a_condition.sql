{# A row of the seed without a condition would silently never warn, and the reverse. #}
with

conditions as (
    {%- for rule_code in warning_conditions() %}
    select '{{ rule_code }}' as rule_code
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        conditions.rule_code as condition_code,
        warning_rules.rule_code as seed_code
    from conditions
    full join {{ ref('warning_rules') }} as warning_rules
        on conditions.rule_code = warning_rules.rule_code
    where conditions.rule_code is null or warning_rules.rule_code is null
)

select * from final
