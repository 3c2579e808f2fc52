with

final as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        country,
        region,
        city,
        language,
        acquisition_channel,
        gender,
        year({{ as_of_date }}) - birth_year as age_years,
        case
            when cast({{ shop_time('signed_up_at') }} as date) <= {{ as_of_date }}
                then {{ as_of_date }} - cast({{ shop_time('signed_up_at') }} as date)
        end as days_since_signup
    from {{ staged('users') }}
    where
        {{ seen_by(as_of_date) }}
    {% endcall -%}
)

select * from final
