{# Cut-offs rise with the tier, or hysteresis would pick the wrong one. #}
select *
from {{ ref('risk_tier_cutoffs') }}
qualify
    stays_above > enters_at
    or enters_at <= lag(enters_at) over (order by tier_rank)
    or stays_above <= lag(stays_above) over (order by tier_rank)
    or (tier_rank = 1 and enters_at > 0)
