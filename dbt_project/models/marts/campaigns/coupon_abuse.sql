{#
    Signs that coupons are used otherwise than they were meant; a sign asks for a look and is
    no proof. Four codes in 90 days are a serial redeemer: the contact policy gives one coupon
    in 90 days, and a shop's own campaigns seldom more than two or three.
#}
with

codes_used as (
    select * from {{ ref('int_codes_traced') }}
),

days as (
    select
        as_of_date,
        run_id
    from {{ source('control', 'run') }}
    where as_of_date in ({{ days_being_built() }})
),

{# One account's codes used by another: accounts of one person, or codes sold. #}
of_another_user as (
    select
        as_of_date,
        used_by as user_id,
        'code_of_another_user' as sign,
        coupon_code,
        order_id,
        issued_to as other_user,
        used_on,
        discount_amount
    from codes_used
    where issued_to <> used_by
),

given_away as (
    select
        as_of_date,
        issued_to as user_id,
        'codes_used_by_others' as sign,
        coupon_code,
        order_id,
        used_by as other_user,
        used_on,
        discount_amount
    from codes_used
    where issued_to <> used_by
),

used_again as (
    select
        as_of_date,
        used_by as user_id,
        'code_used_again' as sign,
        coupon_code,
        order_id,
        cast(null as varchar) as other_user,
        used_on,
        discount_amount
    from codes_used
    qualify row_number() over (
        partition by as_of_date, coupon_code order by used_on, order_id
    ) > 1
),

several_in_a_day as (
    select
        as_of_date,
        used_by as user_id,
        'several_codes_in_a_day' as sign,
        coupon_code,
        order_id,
        cast(null as varchar) as other_user,
        used_on,
        discount_amount
    from codes_used
    qualify count(*) over (partition by as_of_date, used_by, used_on) > 1
),

after_expiry as (
    select
        as_of_date,
        used_by as user_id,
        'code_used_after_expiry' as sign,
        coupon_code,
        order_id,
        cast(null as varchar) as other_user,
        used_on,
        discount_amount
    from codes_used
    where used_on > expires_on
),

serial as (
    select
        as_of_date,
        used_by as user_id,
        'serial_redeemer' as sign,
        coupon_code,
        order_id,
        cast(null as varchar) as other_user,
        used_on,
        discount_amount
    from codes_used
    where used_on > as_of_date - 90
    qualify count(*) over (partition by as_of_date, used_by) >= 4
),

signs as (
    {%- for sign in [
        'of_another_user', 'given_away', 'used_again', 'several_in_a_day',
        'after_expiry', 'serial',
    ] %}
    select * from {{ sign }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        -- ids and dates
        signs.as_of_date,
        signs.user_id,
        signs.sign,

        -- extent
        count(distinct signs.coupon_code) as codes,
        count(distinct signs.order_id) as orders,
        count(distinct signs.other_user) as other_users,
        cast(sum(signs.discount_amount) as double) as discount_amount,
        min(signs.used_on) as first_used_on,
        max(signs.used_on) as last_used_on,

        -- origin
        max(days.run_id) as run_id
    from signs
    left join days using (as_of_date)
    group by signs.as_of_date, signs.user_id, signs.sign
)

select * from final
