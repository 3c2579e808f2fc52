"""What the delivered rows say: ids, times, money, speech."""

import datetime as dt
from collections import Counter, defaultdict
from decimal import Decimal

import pyarrow.parquet as pq

from tests.sample_shop.makers import Delivered


def test_every_reference_leads_somewhere(clean_shop: Delivered) -> None:
    users = {row["user_id"] for row in clean_shop.rows("users")}
    products = {row["product_id"] for row in clean_shop.rows("products")}
    orders = {row["order_id"] for row in clean_shop.rows("orders")}
    coupons = {row["coupon_code"] for row in clean_shop.rows("coupons")}
    for table in (
        "events",
        "orders",
        "returns",
        "reviews",
        "support_messages",
        "campaign_touches",
        "consents",
    ):
        assert {row["user_id"] for row in clean_shop.rows(table)} <= users, table
    for table in ("events", "order_items", "returns", "reviews"):
        assert {row["product_id"] for row in clean_shop.rows(table)} - {""} <= products, table
    for table in ("order_items", "returns", "coupon_redemptions"):
        assert {row["order_id"] for row in clean_shop.rows(table)} - {""} <= orders, table
    used = {row["coupon_code"] for row in clean_shop.rows("orders")} - {""}
    assert used
    assert used <= coupons
    assert used >= {row["coupon_code"] for row in clean_shop.rows("coupon_redemptions")}


def test_keys_are_unique_but_for_orders_that_waited_for_their_payment(clean_shop: Delivered) -> None:
    keys = {
        "users": "user_id", "events": "event_id", "returns": "return_id", "reviews": "review_id",
        "support_messages": "message_id", "campaign_touches": "touch_id", "coupons": "coupon_code",
        "coupon_redemptions": "redemption_id", "promotions": "promotion_id", "products": "product_id",
    }  # fmt: skip
    for table, key in keys.items():
        values = [row[key] for row in clean_shop.rows(table)]
        assert len(values) == len(set(values)), table
    statuses = defaultdict(list)
    for row in clean_shop.rows("orders"):
        statuses[row["order_id"]].append(row["status"])
    repeated = [found for found in statuses.values() if len(found) > 1]
    assert repeated
    assert all(found[0] == "pending" and found[1] != "pending" and len(found) == 2 for found in repeated)


def test_ids_are_text_with_leading_zeros(clean_shop: Delivered) -> None:
    assert all(row["user_id"][0] == "u" and len(row["user_id"]) == 8 for row in clean_shop.rows("users"))
    assert any(row["product_id"].startswith("0") for row in clean_shop.rows("products"))


def test_rows_are_delivered_on_the_day_they_happen(clean_shop: Delivered) -> None:
    for path in clean_shop.files("support_messages"):
        text = path.read_text(encoding="utf-8")
        assert text.count(f'"sent_at": "{path.parent.name} ') == text.count("\n") > 0


def test_gross_amount_is_the_sum_of_the_lines_and_discount_is_less(clean_shop: Delivered) -> None:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for row in clean_shop.rows("order_items"):
        totals[row["order_id"]] += Decimal(row["unit_price"]) * int(row["quantity"])
    for row in clean_shop.rows("orders"):
        assert Decimal(row["gross_amount"]) == totals[row["order_id"]]
        assert 0 <= Decimal(row["discount_amount"]) < Decimal(row["gross_amount"])
        assert row["currency"] == "CNY"


def test_returns_follow_their_orders_and_are_worth_no_more(clean_shop: Delivered) -> None:
    orders = {row["order_id"]: row for row in clean_shop.rows("orders")}
    for row in clean_shop.rows("returns"):
        if row["order_id"]:
            assert row["returned_at"] > orders[row["order_id"]]["ordered_at"]
            assert Decimal(row["amount"]) <= Decimal(orders[row["order_id"]]["gross_amount"])


def test_users_do_nothing_before_they_sign_up(clean_shop: Delivered) -> None:
    signed_up = {row["user_id"]: row["signed_up_at"] for row in clean_shop.rows("users")}
    for table, moment in (("events", "occurred_at"), ("orders", "ordered_at")):
        assert all(row[moment] > signed_up[row["user_id"]] for row in clean_shop.rows(table))


def test_an_order_ends_a_session_with_a_checkout(clean_shop: Delivered) -> None:
    checkouts = {
        (row["user_id"], row["occurred_at"])
        for row in clean_shop.rows("events")
        if row["event_type"] == "checkout"
    }
    assert {(row["user_id"], row["ordered_at"]) for row in clean_shop.rows("orders")} <= checkouts


def test_events_use_every_type_of_the_contract(clean_shop: Delivered) -> None:
    assert {row["event_type"] for row in clean_shop.rows("events")} == {
        "page_view", "product_view", "search", "add_to_cart", "remove_from_cart",
        "favorite", "follow_shop", "share", "login", "checkout",
    }  # fmt: skip


def test_reviews_speak_of_their_ratings_in_two_languages(clean_shop: Delivered) -> None:
    reviews = clean_shop.rows("reviews")
    assert len(reviews) > 100
    assert {row["rating"] for row in reviews} == {1, 2, 3, 4, 5}
    assert len({row["review_text"] for row in reviews}) > len(reviews) * 0.6
    glad = (
        "满意",
        "推荐！",
        "棒",
        "超出预期",
        "五星",
        "Love it",
        "Excellent",
        "recommended",
        "than expected",
        "Five",
    )
    cross = (
        "失望",
        "差评",
        "不会买",
        "糟糕",
        "一星",
        "disappointed",
        "Never again",
        "Terrible",
        "One star",
        "Avoid",
    )
    for row in reviews:
        if row["rating"] == 5:
            assert any(word in row["review_text"] for word in glad), row
        if row["rating"] == 1:
            assert any(word in row["review_text"] for word in cross), row
    chinese = sum(any("\u4e00" <= letter <= "\u9fff" for letter in row["review_text"]) for row in reviews)
    assert len(reviews) * 0.6 < chinese < len(reviews)


def test_conversations_begin_with_a_user_and_some_get_no_answer(clean_shop: Delivered) -> None:
    talks = defaultdict(list)
    for row in clean_shop.rows("support_messages"):
        talks[row["conversation_id"]].append((row["sent_at"], row["sender"], row["satisfaction"]))
    senders = Counter()
    for talk in talks.values():
        assert min(talk)[1] == "user"
        senders[any(sender == "agent" for _, sender, _ in talk)] += 1
    assert senders[True] > senders[False] > 0
    assert any(satisfaction for talk in talks.values() for _, _, satisfaction in talk)


def test_the_truth_lies_outside_the_landing_area(clean_shop: Delivered) -> None:
    names = {path.name for path in clean_shop.truth.iterdir()}
    assert names == {"users.parquet", "churn_probability.parquet", "dirty_rows.json"}
    assert clean_shop.landing not in clean_shop.truth.parents
    assert {path.name.split(".")[0] for path in clean_shop.landing.glob("*/*")} & {
        "churn_probability"
    } == set()


def test_the_truth_covers_every_user_and_the_dates_that_matter(clean_shop: Delivered) -> None:
    users = pq.read_table(clean_shop.truth / "users.parquet")
    assert set(users["user_id"].to_pylist()) == {row["user_id"] for row in clean_shop.rows("users")}
    assert set(users["response_type"].to_pylist()) == {
        "persuadable",
        "sure_thing",
        "lost_cause",
        "do_not_disturb",
    }
    churn = pq.read_table(clean_shop.truth / "churn_probability.parquet")
    last = clean_shop.world.date(149)
    expected = {last - dt.timedelta(days=h) for h in (0, 30, 60, 90)}
    expected |= {dt.date(2025, 9, 30), dt.date(2025, 10, 31), dt.date(2025, 11, 30), dt.date(2025, 12, 31)}
    assert set(churn["as_of_date"].to_pylist()) == expected
    near, middle, far = (churn[f"churn_probability_{h}d"].to_numpy() for h in (30, 60, 90))
    assert ((near >= middle) & (middle >= far)).all()
    assert 0.0 <= far.min() < far.max() <= 1.0
