with

customer_lines as (
    select * from {{ ref('stg_online_retail__invoice_lines') }}
    where user_id is not null
),

{# The country on the last line of a delivery day; a few customers move. #}
countries_by_day as (
    select
        user_id,
        known_on,
        arg_max(
            country, (invoiced_at, delivery_number, source_file, source_line)
        ) as country,
        max(delivery_number) as delivery_number
    from customer_lines
    group by user_id, known_on
),

changes as (
    select *
    from countries_by_day
    qualify country is distinct from lag(country, 1, '') over (
        partition by user_id order by known_on
    )
),

final as (
    select
        -- ids
        user_id,

        -- profile: the shop tells no more than the country
        cast(null as timestamp) as signed_up_at,
        country,
        cast(null as varchar) as region,
        cast(null as varchar) as city,
        cast(null as integer) as birth_year,
        cast(null as varchar) as gender,
        cast(null as varchar) as acquisition_channel,
        cast(null as varchar) as language,

        -- versions
        known_on,
        lead(known_on) over newer as superseded_on,
        greatest(
            delivery_number, lead(delivery_number) over newer
        ) as changed_by_delivery
    from changes
    window newer as (partition by user_id order by known_on)
)

select * from final
