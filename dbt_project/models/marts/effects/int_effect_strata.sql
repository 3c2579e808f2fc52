{{ config(materialized='view') }}

{#
    The two arms of each stratum side by side, once per slice that the stratum belongs to. With
    theta = sum of the covariances / sum of the variances of x over all arms and strata of the
    slice, y - theta * x is the outcome freed from what was foreseeable (CUPED: Deng, Xu, Kohavi
    and Walker 2013). Within arms, so that the effect itself does not enter theta.
#}
with

cells as (
    select
        *,
        xx_sum - x_sum * x_sum / users as xx,
        yy_sum - y_sum * y_sum / users as yy,
        xy_sum - x_sum * y_sum / users as xy
    from {{ ref('int_effect_cells') }}
),

sliced as (
    {%- for slice_name, slice_value in effect_slices().items() %}
    select
        *,
        '{{ slice_name }}' as slice_name,
        {{ slice_value }} as slice_value
    from cells
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

thetas as (
    select
        as_of_date,
        experiment_id,
        slice_name,
        slice_value,
        outcome,
        coalesce(
            {{ sum_in_order('xy', 'stratum, arm') }}
            / nullif({{ sum_in_order('xx', 'stratum, arm') }}, 0),
            0
        ) as theta
    from sliced
    group by as_of_date, experiment_id, slice_name, slice_value, outcome
),

squares as (
    select
        sliced.*,
        thetas.theta,
        y_sum / users as y_mean,
        (y_sum - theta * x_sum) / users as adjusted_mean,
        greatest(yy, 0) as squares,
        greatest(yy - 2 * theta * xy + theta * theta * xx, 0) as adjusted_squares
    from sliced
    inner join thetas
        using (as_of_date, experiment_id, slice_name, slice_value, outcome)
    where slice_value is not null
),

{#
    Variances of y and of y - theta * x within an arm, unknown for a single user; never below
    that of both arms together. A small arm in which nobody complained says nothing of how
    seldom complaints are, and would pass for certain.
#}
arms as (
    select
        *,
        {%- for adjusted in ['', 'adjusted_'] %}
        greatest(
            {{ adjusted }}squares / nullif(users - 1, 0),
            sum({{ adjusted }}squares) over both_arms
            / nullif(sum(users) over both_arms - count(*) over both_arms, 0)
        ) as {{ adjusted }}variance,
        {%- endfor %}
        count(*) over both_arms as arms
    from squares
    window both_arms as (
        partition by
            as_of_date, experiment_id, slice_name, slice_value, outcome, stratum
    )
),

final as (
    select
        as_of_date,
        experiment_id,
        slice_name,
        slice_value,
        outcome,
        stratum,
        {%- for arm, suffix in [('treatment', 'treated'), ('holdout', 'held_out')] %}
        {%- for column in [
            'users', 'y_sum', 'y_mean', 'adjusted_mean', 'variance', 'adjusted_variance'
        ] %}
        max(
            case when arm = '{{ arm }}' then {{ column }} end
        ) as {{ column }}_{{ suffix }},
        {%- endfor %}
        {%- endfor %}
        max(theta) as theta
    from arms
    group by as_of_date, experiment_id, slice_name, slice_value, outcome, stratum
)

select * from final
