"""What became of the users of an experiment: built by dbt, for real, over a few of them."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.warehouse.dbt_makers import Shop
from tests.warehouse.experiment_makers import (
    HISTORY,
    build,
    build_effects,
    dicts,
    insert,
    prepare_experiments,
)

ASSIGNED, DURING, COMPLETE = date(2026, 5, 1), date(2026, 5, 15), date(2026, 5, 31)
EXPERIMENT = {"experiment_id": "win_back_coupon_1", "campaign_id": "win_back_coupon"}
ARMS = {
    "anna": "treatment",  # gets a coupon, opens, clicks and uses it
    "ben": "holdout",  # buys nothing
    "carla": "treatment",  # was chosen, but the message was suppressed
    "dora": "holdout",  # ordered on the day of the assignment, and too late
    "emil": "treatment",  # has an order before that is refunded after
}


def order(number: str, user: str, at: datetime, **changed: Any) -> dict[str, Any]:
    usual = {"status": "paid", "gross_amount": 100, "discount_amount": 0, "currency": "CNY"}
    return {"order_id": number, "user_id": user, "ordered_at": at, **usual, **changed}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("outcomes"))
    prepare_experiments(shop)
    deliver(shop)
    insert(shop, "control.run", [{"run_id": "run-1", "as_of_date": COMPLETE}])
    insert(
        shop,
        "control.campaign_assignments",
        [
            {
                **EXPERIMENT,
                "user_id": user,
                "arm": arm,
                "stratum": "high/medium",
                "holdout_share": 0.3,
                "assigned_on": ASSIGNED,
            }
            for user, arm in ARMS.items()
        ],
    )
    message = {**EXPERIMENT, "as_of_date": ASSIGNED, "action": "coupon", "channel": "email", "cost": 3.02}
    insert(
        shop,
        "control.campaign_contacts",
        [
            {
                **message,
                "message_id": "m-anna",
                "user_id": "anna",
                "state": "sent",
                "coupon_code": "CODE-A",
                # 09:00 of 2 May by the clock on the shop's wall
                "handed_over_at": "2026-05-02 01:00:00",
            },
            {**message, "message_id": "m-carla", "user_id": "carla", "state": "suppressed"},
        ],
    )
    coupon = {"campaign_id": "win_back_coupon", "face_value": 20, "currency": "CNY", "issued_on": ASSIGNED}
    insert(
        shop,
        "control.coupons_issued",
        [{**coupon, "coupon_code": f"CODE-{user[0].upper()}", "user_id": user} for user in ("anna", "carla")],
    )
    insert(
        shop,
        "risk.user_risk_tiers_history",
        [
            {"as_of_date": ASSIGNED, "user_id": user, "churn_probability": 0.7, "reason_1_code": "recency"}
            for user in ARMS
        ],
    )
    build(shop, COMPLETE, *HISTORY, command="build")
    build_effects(shop, COMPLETE)
    return shop


def deliver(shop: Shop) -> None:
    shop.deliver(
        date(2026, 4, 20),
        users=[{"user_id": user} for user in ARMS],
        orders=[
            order("before", "emil", datetime(2026, 4, 20, 3)),
            order("long-ago", "emil", datetime(2026, 3, 1, 3)),
        ],
    )
    shop.deliver(ASSIGNED, orders=[order("same-day", "dora", datetime(2026, 5, 1, 15, 59))])
    shop.deliver(
        date(2026, 5, 10),
        orders=[
            order("with-code", "anna", datetime(2026, 5, 9, 3), discount_amount=15, coupon_code="CODE-A"),
            order("plain", "carla", datetime(2026, 5, 9, 4), gross_amount=50),
        ],
        campaign_touches=[
            {
                "touch_id": "m-anna",
                "user_id": "anna",
                "campaign_id": "win_back_coupon",
                "channel": "email",
                "sent_at": datetime(2026, 5, 2, 1),
                "clicked_at": datetime(2026, 5, 3, 1),
            }
        ],
        coupon_redemptions=[
            {
                "redemption_id": "r1",
                "coupon_code": "CODE-A",
                "order_id": "with-code",
                "redeemed_at": datetime(2026, 5, 9, 3),
            }
        ],
    )
    shop.deliver(
        date(2026, 5, 20),
        orders=[order("before", "emil", datetime(2026, 4, 20, 3), status="refunded")],
        consents=[
            {
                "user_id": "anna",
                "purpose": "email",
                "changed_at": datetime(2026, 5, 19, 3),
                "granted": False,
            }
        ],
        returns=[
            {
                "return_id": "b1",
                "user_id": "carla",
                "product_id": "p1",
                "returned_at": datetime(2026, 5, 18, 3),
                "quantity": 1,
                "amount": 30,
            }
        ],
        support_messages=[
            {
                "message_id": "s1",
                "conversation_id": "c1",
                "user_id": "ben",
                "sent_at": datetime(2026, 5, 18, 3),
                "sender": "user",
                "message_text": "?",
                "satisfaction": 1,
            }
        ],
    )
    # 16:30 UTC is half past midnight of 1 June in the shop: a day after the goal
    shop.deliver(date(2026, 6, 1), orders=[order("too-late", "dora", datetime(2026, 5, 31, 16, 30))])


@pytest.fixture(scope="module")
def outcomes(shop: Shop) -> dict[str, dict[str, Any]]:
    return dicts(shop, "campaigns.campaign_user_outcomes", "user_id")


def test_every_assigned_user_has_one_outcome_whatever_reached_them(
    outcomes: dict[str, dict[str, Any]],
) -> None:
    assert {user: row["arm"] for user, row in outcomes.items()} == ARMS
    assert {user: row["contacts"] for user, row in outcomes.items() if row["contacts"]} == {"anna": 1}
    assert all(row["is_complete"] and row["run_id"] == "run-1" for row in outcomes.values())


def test_only_orders_within_the_goal_days_after_the_assignment_count(
    outcomes: dict[str, dict[str, Any]],
) -> None:
    assert {user for user, row in outcomes.items() if row["churned"]} == {"ben", "dora", "emil"}
    assert {user for user, row in outcomes.items() if row["orders"]} == {"anna", "carla"}


def test_discounts_and_contacts_come_off_the_margin(outcomes: dict[str, dict[str, Any]]) -> None:
    anna, carla = outcomes["anna"], outcomes["carla"]
    assert (anna["revenue"], anna["gross_amount"], anna["margin"]) == (85, 100, pytest.approx(25))
    assert anna["net_margin"] == pytest.approx(25 - 0.02)
    assert (carla["margin"], carla["net_margin"]) == (pytest.approx(20), pytest.approx(20))


def test_a_coupon_that_order_and_redemption_both_tell_of_is_used_once(
    shop: Shop, outcomes: dict[str, dict[str, Any]]
) -> None:
    assert (outcomes["anna"]["coupon_redeemed_on"], outcomes["anna"]["coupon_redeemed_value"]) == (
        "2026-05-09",
        15,
    )
    assert shop.rows("select coupon_code, order_id from campaigns.int_coupons_redeemed") == [
        ("CODE-A", "with-code")
    ]


def test_guardrails_count_withdrawn_consent_returns_and_complaints(
    outcomes: dict[str, dict[str, Any]],
) -> None:
    told = {
        user: (row["unsubscribed"], row["returned_amount"], row["complaints"])
        for user, row in outcomes.items()
        if row["unsubscribed"] or row["returned_amount"] or row["complaints"]
    }
    assert told == {"anna": (1, 0, 0), "carla": (0, 30, 0), "ben": (0, 0, 1)}


def test_the_time_before_is_seen_as_the_day_of_the_assignment_saw_it(
    outcomes: dict[str, dict[str, Any]],
) -> None:
    """The refund of May must not change what April was worth on the day of the assignment."""
    before = {user: row["orders_before"] for user, row in outcomes.items() if row["orders_before"]}
    assert before == {"emil": 1, "dora": 1}
    assert outcomes["emil"]["revenue_before"] == 100


def test_one_query_joins_score_assignment_contact_and_outcome(shop: Shop) -> None:
    trail = dicts(shop, "campaigns.campaign_trail", "user_id")
    assert set(trail) == set(ARMS)
    anna = trail["anna"]
    assert (anna["churn_probability"], anna["reason_1_code"], anna["arm"]) == (0.7, "recency", "treatment")
    assert (anna["channel"], anna["coupon_redeemed_on"], anna["attributed_orders"], anna["orders"]) == (
        "email",
        "2026-05-09",
        1,
        1,
    )
    assert trail["ben"]["message_id"] is None and trail["ben"]["churned"] == 1


def test_attribution_counts_from_sent_to_ordered(shop: Shop) -> None:
    (row,) = dicts(shop, "campaigns.campaign_attribution", "channel").values()
    funnel = [row[step] for step in ("sent", "opened", "clicked", "coupons_sent", "redeemed", "ordered")]
    assert funnel == [1, 1, 1, 1, 1, 1], "whoever clicked has opened; what was suppressed was not sent"
    assert (row["attributed_orders"], row["attributed_revenue"], row["contact_cost"]) == (1, 85, 0.02)


def test_a_day_before_the_end_knows_no_churn_yet_and_nothing_later(shop: Shop) -> None:
    build(shop, DURING, "path:models/marts/effects")
    outcomes = dicts(shop, "campaigns.campaign_user_outcomes", "user_id")
    assert len(outcomes) == len(ARMS)
    assert not any(row["is_complete"] for row in outcomes.values())
    assert {row["churned"] for row in outcomes.values()} == {None}
    assert {row["unsubscribed"] for row in outcomes.values()} == {0}
    assert outcomes["anna"]["revenue"] == 85
    build(shop, ASSIGNED, "path:models/marts/effects")
    outcomes = dicts(shop, "campaigns.campaign_user_outcomes", "user_id")
    assert {row["contacts"] for row in outcomes.values()} == {0}, "handed over on the next day"
    build(shop, COMPLETE, "path:models/marts/effects")


def test_without_any_experiment_the_tables_are_there_and_empty(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    prepare_experiments(shop)
    build(shop, COMPLETE, *HISTORY, command="build")
    build_effects(shop, COMPLETE)
    for table in ("campaign_user_outcomes", "campaign_effects", "campaign_attribution", "campaign_trail"):
        assert shop.rows(f"select count(*) from campaigns.{table}") == [(0,)]
