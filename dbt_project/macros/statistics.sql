{#
    What the reports on experiments need of the normal distribution, in SQL that every engine
    can run: DuckDB has no erfc. Pass columns rather than long expressions, since a value is
    written out many times.
#}

{#
    Points of the standard normal: 95 % of it lie within 1.96 of 0, and 80 % below 0.84. The
    first makes a 95 % interval, both together a power of 80 % at the 5 % level.
#}
{% macro normal_quantile(probability) %}
    {% set quantiles = {
        0.8: 0.8416212335729143,
        0.9: 1.2815515655446004,
        0.95: 1.6448536269514722,
        0.975: 1.959963984540054,
        0.995: 2.5758293035489004,
        0.9995: 3.2905267314918945,
    } %}
    {% if probability not in quantiles %}
        {{ exceptions.raise_compiler_error(
            "normal_quantile knows " ~ quantiles.keys() | list ~ " only; found "
            ~ probability ~ ". Add the quantile there."
        ) }}
    {% endif %}
    {{ return(quantiles[probability]) }}
{% endmacro %}

{# One end of the 95 % interval of an estimate: side '-' or '+'. #}
{% macro interval_end(side, estimate, standard_error) -%}
    {{ estimate }} {{ side }} {{ normal_quantile(0.975) }} * {{ standard_error }}
{%- endmacro %}

{#
    Probability that a standard normal is at least as far from 0 as z; NULL of NULL.

    erfc(x) = t exp(-x² + polynomial(t)) with t = 1 / (1 + x / 2), the polynomial interpolated
    at Chebyshev points: the relative error is below 2e-8 for |z| up to 37, beyond which the
    result is 0 in double precision anyway.
#}
{% macro two_sided_p(z) -%}
    {%- set coefficients = [
        -1.2655121185, 0.999998553, 0.3750744848, 0.0817567919, -0.0681377034,
        -0.2640958817, 0.4228596614, -1.3866666738, 2.5901292025, -2.3462724,
        1.0502335257, -0.1893674562,
    ] -%}
    {%- set x = '(abs(cast(' ~ z ~ ' as double)) / ' ~ 2 ** 0.5 ~ ')' -%}
    {%- set t = '(1 / (1 + ' ~ x ~ ' / 2))' -%}
    {{ t }} * exp(
        -{{ x }} * {{ x }} + {% for coefficient in coefficients -%}
        {{ '(' if not loop.last }}{{ coefficient }}{{ ' + ' ~ t ~ ' * ' if not loop.last }}
        {%- endfor %}{{ ')' * (coefficients | length - 1) }}
    )
{%- endmacro %}

{# Probability of a chi-square of one degree of freedom at or above the statistic. #}
{% macro chi_square_p(statistic) -%}
    {{ two_sided_p('sqrt(' ~ statistic ~ ')') }}
{%- endmacro %}

{#
    The point of Student's distribution that belongs to a point of the normal one, by the
    expansion in powers of 1 / degrees (Abramowitz and Stegun 26.7.5); within 0.3 % of the
    97.5 % point from five degrees of freedom on. Few users know their own noise badly, and a
    normal interval would be too narrow for them.
#}
{% macro student_quantile(quantile, degrees) -%}
    {%- set z = quantile -%}
    ({{ z }}
    + {{ (z ** 3 + z) / 4 }} / {{ degrees }}
    + {{ (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96 }} / ({{ degrees }} * {{ degrees }})
    + {{ (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384 }}
    / ({{ degrees }} * {{ degrees }} * {{ degrees }}))
{%- endmacro %}

{#
    Users of both arms together that it takes to see a difference of `least_effect` in a share
    of about `base_rate` with a power of 80 % at the 5 % level, two-sided, where
    `holdout_share` of them are held out (Fleiss, Levin and Paik 2003, ch. 4, without
    continuity correction). NULL where there is no difference to look for or nobody is held out.
#}
{% macro users_needed(base_rate, least_effect, holdout_share) -%}
    {%- set reach = (normal_quantile(0.975) + normal_quantile(0.8)) ** 2 -%}
    {%- set treated_rate = 'greatest(0.0, ' ~ base_rate ~ ' - ' ~ least_effect ~ ')' -%}
    ceil({{ reach }} * (
        {{ treated_rate }} * (1 - {{ treated_rate }}) / nullif(1 - {{ holdout_share }}, 0)
        + {{ base_rate }} * (1 - {{ base_rate }}) / nullif({{ holdout_share }}, 0)
    ) / nullif({{ least_effect }} * {{ least_effect }}, 0))
{%- endmacro %}

{#
    A sum of floating numbers that comes out the same to the last digit however the rows were
    found; for few rows, since they are collected first.
#}
{% macro sum_in_order(value, order_by) -%}
    list_sum(list({{ value }} order by {{ order_by }}))
{%- endmacro %}
