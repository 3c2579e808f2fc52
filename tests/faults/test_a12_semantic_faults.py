"""A12: values of the right type that mean something else close a gate, and the rule is named."""

import pytest

from tests.expectations.clean_shop import DAY, FEATURES, ORDERS, RAW, RETURNS, Shop, spoiled_gate

TODAY = f"known_on = '{DAY}'"
BUILT = f"as_of_date = '{DAY}'"
THIS_WEEK = f"known_on > '{DAY}'::date - 7"


@pytest.mark.parametrize(
    ("change", "rule", "column"),
    [
        (f'"CustomerID" = null where {TODAY}', "a_day_has_no_emptier_columns_than_usual", "CustomerID"),
        (
            f'"Country" = null where {THIS_WEEK} and rowid % 2 = 0',
            "a_week_has_no_emptier_columns_than_usual",
            "Country",
        ),
        (f"\"CustomerID\" = 'u1' where {TODAY}", "a_day_has_no_frozen_columns", "CustomerID"),
        (f'"Quantity" = 1 where {THIS_WEEK}', "a_week_has_no_frozen_columns", "Quantity"),
        (f'"UnitPrice" = 100 * "UnitPrice" where {TODAY}', "amounts_keep_their_unit", "UnitPrice"),
        (f'"UnitPrice" = 9.1 * "UnitPrice" where {TODAY}', "amounts_keep_their_unit", "UnitPrice"),
        (f'"UnitPrice" = 0.01 * "UnitPrice" where {TODAY}', "amounts_keep_their_unit", "UnitPrice"),
        (f'"Quantity" = -"Quantity" where {TODAY}', "amounts_keep_their_sign", "Quantity"),
    ],
    ids=[
        "a day without users",
        "half a week's countries gone",
        "one user all day",
        "one quantity all week",
        "pence for pounds",
        "yuan for pounds",
        "pounds for pence",
        "signs turned",
    ],
)
def test_a12_a_changed_meaning_closes_the_raw_gate(shop: Shop, change: str, rule: str, column: str) -> None:
    message, failed = spoiled_gate(shop, "raw", f"update {RAW} set {change}")
    assert (rule, column) in failed
    assert f"{rule} in {RAW}.{column}" in message


@pytest.mark.parametrize(
    ("statement", "rule", "column"),
    [
        (
            f"update {ORDERS} set currency = 'JPY' where order_id = 'o7'",
            "the_currency_is_the_declared_one",
            "currency",
        ),
        (f"update {ORDERS} set user_id = 'x' where rowid % 10 = 0", "orders_have_their_users", "user_id"),
        (
            f"update {RETURNS} set returned_at = returned_at - interval 9 day where rowid % 5 = 0",
            "nothing_is_returned_before_it_was_ordered",
            "returned_at",
        ),
        (f"update {FEATURES} set country = null where {BUILT}", "no_feature_is_suddenly_empty", "country"),
        (
            f"update {FEATURES} set paid_orders_365d = 1 where {BUILT}",
            "no_feature_is_frozen",
            "paid_orders_365d",
        ),
        (
            f"update {FEATURES} set net_amount_365d = 100 * net_amount_365d where {BUILT}",
            "features_keep_their_unit",
            "net_amount_365d",
        ),
        (
            f"update {FEATURES} set discount_share_365d = 'nan' where {BUILT} and user_id = 'u3'",
            "features_are_finite",
            "discount_share_365d",
        ),
    ],
    ids=["yen", "orphan orders", "returned before ordered", "all NULL", "constant", "times 100", "NaN"],
)
def test_a12_a_changed_meaning_closes_the_features_gate(
    shop: Shop, statement: str, rule: str, column: str
) -> None:
    message, failed = spoiled_gate(shop, "features", statement)
    assert (rule, column) in failed
    assert rule in message


def test_a12_features_that_are_all_alike_close_the_gate_on_the_first_day(shop: Shop) -> None:
    shop.spoil(f"delete from {FEATURES} where as_of_date < '{DAY}'")
    alike = (
        "paid_orders_365d = 1, net_amount_365d = 5, discount_share_365d = 0, country = 'France', "
        "purchase_gap_mean_days = null"
    )
    message, _ = spoiled_gate(shop, "features", f"update {FEATURES} set {alike}")
    assert "most_features_vary" in message
