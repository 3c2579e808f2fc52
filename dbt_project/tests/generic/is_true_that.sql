{# A truth about every row; a row for which it cannot be told breaks it too. #}
{% test is_true_that(model, expression) %}

select *
from {{ model }}
where not coalesce({{ expression }}, false)

{% endtest %}
