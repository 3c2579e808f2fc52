{# With none there would be no tiers, with two everybody would have two. #}
select count(*) as policies_in_force
from {{ ref('tier_policy') }}
where is_in_force
having count(*) <> 1
