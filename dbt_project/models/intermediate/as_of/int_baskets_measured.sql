with

{# What was bought in the last 365 days, line by line, as the day knew it. #}
bought_lines as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        orders.user_id,
        order_items.product_id,
        products.category,
        order_items.quantity,
        order_items.quantity * order_items.unit_price as line_amount
    from {{ ref('int_orders_valued') }} as orders
    inner join {{ staged('order_items') }} as order_items
        on
            orders.order_id = order_items.order_id
            and {{ seen_by(as_of_date, alias='order_items') }}
    left join {{ staged('products') }} as products
        on
            order_items.product_id = products.product_id
            and {{ seen_by(as_of_date, alias='products') }}
    where
        {{ seen_by(as_of_date, 'orders.order_date', days=365, alias='orders') }}
        and orders.is_paid
    {% endcall -%}
),

products_bought as (
    select
        as_of_date,
        user_id,
        product_id,
        category,
        count(*) as lines,
        sum(quantity) as quantity,
        sum(line_amount) as line_amount
    from bought_lines
    group by as_of_date, user_id, product_id, category
),

categories_bought as (
    select
        as_of_date,
        user_id,
        category,
        count(product_id) as products,
        sum(lines) as lines,
        sum(quantity) as quantity,
        sum(line_amount) as line_amount
    from products_bought
    group by as_of_date, user_id, category
),

final as (
    select
        as_of_date,
        user_id,
        {# a shop that names no products is not a shop with none #}
        nullif(sum(products), 0) as distinct_products,
        sum(lines) as lines,
        count(category) as distinct_categories,
        {{ share('max(case when category is not null then lines end)', 'sum(lines)') }}
            as favourite_category_share,
        {{ share('sum(line_amount)', 'sum(quantity)') }} as mean_unit_price
    from categories_bought
    group by as_of_date, user_id
)

select * from final
