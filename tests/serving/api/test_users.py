"""One user's risk over HTTP."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.serving.api.asking import WHOLE, Api, action, block, published, recorded
from tests.serving.published_shop import BEFORE, DAY, user_id


def change(number: int, day: object, tier: str, before: str | None) -> dict[str, object]:
    return {
        "as_of_date": day,
        "user_id": user_id(number),
        "risk_tier": tier,
        "previous_risk_tier": before,
        "tier_reason": "model",
        "churn_probability": 0.5,
        "run_id": "r",
    }


def contact(number: int, at: datetime, measured: object = DAY) -> dict[str, object]:
    return {
        "as_of_date": measured,
        "user_id": user_id(number),
        "experiment_id": "e",
        "campaign_id": "recommendation",
        "action": "recommendation",
        "channel": "email",
        "handed_over_at": at,
        "run_id": "r",
    }


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with published(
        tmp_path_factory.mktemp("users"),
        campaign_actions=[action(2), action(3, "holdout"), action(12), action(13)],
        user_tier_changes=[change(2, BEFORE, "medium", None), change(2, DAY, "high", "medium")],
        campaign_trail=[
            contact(2, datetime(2026, 5, 1, 9), BEFORE),
            contact(2, datetime(2026, 5, 1, 9)),
            contact(2, datetime(2026, 5, 20, 9)),
        ],
    ) as api:
        yield api


def path(number: int) -> str:
    return f"/v1/users/{user_id(number)}/risk"


def test_everything_that_is_known_is_told(shop: Api) -> None:
    told = shop.tool("users:read", fields=WHOLE).get(path(2)).json()
    assert (told["risk_tier"], told["churn_probability"], told["country"]) == ("high", 0.898, "CN")
    assert told["reasons"] == [
        {
            "code": "days_since_last_visit",
            "value": 30.0,
            "contribution": 1.5,
            "sentence_en": "Time since the last visit: 30 days (raises the risk)",
            "sentence_zh": "距上次访问：30 天（提高流失风险）",
        },
        {
            "code": "paid_orders_90d",
            "value": 1.0,
            "contribution": -0.5,
            "sentence_en": "Paid orders in the last 90 days: 1 (lowers the risk)",
            "sentence_zh": "近 90 天付款订单数：1（降低流失风险）",
        },
    ]
    assert [(one["risk_tier"], one["since"]) for one in told["tier_history"]] == [
        ("high", str(DAY)),
        ("medium", str(BEFORE)),
    ]
    assert (told["recommended_action"]["action"], told["recommended_action"]["channel"]) == (
        "coupon",
        "email",
    )
    # measured on two days, and told once
    days = [one["handed_over_at"][:10] for one in told["contacts"]]
    assert days == ["2026-05-20", "2026-05-01"]


def test_users_of_low_risk_are_told_as_well(shop: Api) -> None:
    told = shop.tool("users:read").get(path(7)).json()
    assert (told["risk_tier"], told["recommended_action"], told["contacts"]) == ("low", None, [])
    assert told["reasons"][0]["sentence_en"] is None
    # a change that the table of changes does not have yet
    assert told["tier_history"] == [{"risk_tier": "low", "previous_risk_tier": "low", "since": str(DAY)}]


def test_a_key_of_risk_only_sees_nothing_of_the_person(shop: Api) -> None:
    told = shop.tool("users:read").get(path(2)).json()
    assert "country" not in told
    assert not {"channel", "language"} & {*told["recommended_action"], *told["contacts"][0]}


def test_nothing_is_recommended_for_who_is_held_out(shop: Api) -> None:
    told = shop.tool("users:read").get(path(3)).json()
    assert (told["recommended_action"], told["may_be_contacted"]) == (None, False)


def test_nothing_is_recommended_any_more_once_the_user_said_no(shop: Api) -> None:
    tool = shop.tool("users:read")
    assert tool.get(path(12)).json()["recommended_action"]
    shop.ledger.block_contacts([block(12, "email")])
    told = tool.get(path(12)).json()
    assert (told["recommended_action"], told["may_be_contacted"]) == (None, False)


def test_nothing_is_recommended_for_who_was_drawn_into_a_holdout_since(shop: Api) -> None:
    tool = shop.tool("users:read")
    assert tool.get(path(13)).json()["recommended_action"]
    with shop.ledger.writing() as connection:
        shop.ledger.record_assignments(connection, [recorded(13, "global_control", "global_control")])
    assert tool.get(path(13)).json()["recommended_action"] is None


@pytest.mark.parametrize("user", ["nobody", "u9999", "..%2Frisk", "' or 1=1 --", "u0002%00", "%3Cscript%3E"])
def test_who_is_not_there_is_not_found(shop: Api, user: str) -> None:
    answer = shop.tool("users:read").get(f"/v1/users/{user}/risk")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert user not in answer.text
