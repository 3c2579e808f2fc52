"""Outcomes over HTTP: taken once each, landed as the shop delivers, ingested, and not doubled."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.serving.api.asking import Api, published
from tests.warehouse.ledger.campaign_makers import message
from warehouse.connections import open_build
from warehouse.ingest import ingest, rebuild
from warehouse.ledger import Coupon

PATH = "/v1/outcomes"
SENT = datetime(2026, 6, 30, 9, tzinfo=UTC)
OPENED, CLICKED = "2026-06-30T12:00:00+02:00", "2026-06-30T10:30:00Z"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Api]:
    with published(tmp_path) as api:
        ledger = api.ledger
        with ledger.writing() as connection:
            ledger.write_messages(
                connection,
                [
                    message(
                        user,
                        source="sample_shop",
                        campaign_id=campaign,
                        channel="email",
                        message_id=f"m-{user}",
                        idempotency_key=f"k-{user}",
                        state="sent",
                        sent_at=SENT,
                    )
                    for user, campaign in (("u1", "recommendation"), ("u2", "win_back_coupon"))
                ],
            )
            connection.execute(coupon_insert())
        yield api


def coupon_insert() -> Any:
    from warehouse.ledger.campaign_tables import coupons

    code = Coupon(
        coupon_code="HF-1",
        source="sample_shop",
        user_id="u2",
        campaign_id="win_back_coupon",
        period="2026",
        offer_id="coupon_20",
        face_value=20.0,
        currency="CNY",
        issued_at=SENT,
        expires_on=date(2026, 8, 1),
        message_id="m-u2",
    )
    return coupons.insert().values(**vars(code))


def opened(user: str = "u1", **changes: Any) -> dict[str, Any]:
    return {
        "outcome_id": f"open-{user}",
        "kind": "opened",
        "message_id": f"m-{user}",
        "occurred_at": OPENED,
        **changes,
    }


def report(*outcomes: dict[str, Any]) -> dict[str, Any]:
    return {"outcomes": list(outcomes)}


def landed(api: Api) -> list[dict[str, Any]]:
    files = sorted(api.shop.settings.warehouse.landing.glob("*.reported/*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def test_opens_and_clicks_land_as_the_shop_delivers_touches(shop: Api) -> None:
    tool = shop.tool("outcomes:write")
    answer = tool.post(PATH, report(opened(), opened(outcome_id="c", kind="clicked", occurred_at=CLICKED)))
    assert (answer.status_code, answer.json()) == (200, {"taken": 2, "repeated": 0, "refused": []})
    # the sample shop delivers times of its own zone, as text
    assert landed(shop) == [
        {
            "touch_id": "m-u1",
            "user_id": "u1",
            "campaign_id": "recommendation",
            "channel": "email",
            "sent_at": shop_time(SENT),
            "opened_at": shop_time(datetime(2026, 6, 30, 10, tzinfo=UTC)),
            "clicked_at": shop_time(datetime(2026, 6, 30, 10, 30, tzinfo=UTC)),
        }
    ]


def shop_time(moment: datetime) -> str:
    from zoneinfo import ZoneInfo

    from warehouse.sources import load_source

    column = next(
        one for one in load_source("sample_shop").table("campaign_touches").columns if one.name == "sent_at"
    )
    return moment.astimezone(ZoneInfo(column.time_zone)).strftime("%Y-%m-%d %H:%M:%S")


def test_a_report_that_is_sent_again_changes_nothing(shop: Api) -> None:
    tool = shop.tool("outcomes:write")
    tool.post(PATH, report(opened()))
    before = landed(shop)
    assert tool.post(PATH, report(opened(), opened())).json() == {"taken": 0, "repeated": 2, "refused": []}
    assert landed(shop) == before


def test_a_later_click_keeps_what_is_known_of_the_opening(shop: Api) -> None:
    tool = shop.tool("outcomes:write")
    tool.post(PATH, report(opened()))
    tool.post(PATH, report(opened(outcome_id="c", kind="clicked", occurred_at=CLICKED)))
    rows = landed(shop)
    assert len(rows) == 2
    whole = next(row for row in rows if row["clicked_at"])
    assert whole["opened_at"] == next(row for row in rows if not row["clicked_at"])["opened_at"]


def test_the_same_id_with_other_content_is_a_contradiction(shop: Api) -> None:
    tool = shop.tool("outcomes:write")
    tool.post(PATH, report(opened()))
    answer = tool.post(PATH, report(opened("u2", outcome_id="new"), opened(occurred_at=CLICKED)))
    assert (answer.status_code, answer.json()["code"]) == (409, "contradiction")
    assert [row["user_id"] for row in landed(shop)] == ["u1"]


def test_a_key_for_the_whole_report_stands_for_that_report_only(shop: Api) -> None:
    tool = shop.tool("outcomes:write")
    for taken in (1, 0):
        answer = tool.post(PATH, report(opened()), Idempotency_Key="r-1").json()
        assert (answer["taken"], answer["repeated"]) == (taken, 1 - taken)
    other = tool.post(PATH, report(opened(), opened("u2")), Idempotency_Key="r-1")
    assert (other.status_code, other.json()["code"]) == (409, "contradiction")
    assert [row["user_id"] for row in landed(shop)] == ["u1"]


def test_ids_are_a_tools_own(shop: Api) -> None:
    first, second = shop.tool("outcomes:write", name="mailer"), shop.tool("outcomes:write", name="pusher")
    assert first.post(PATH, report(opened())).json()["taken"] == 1
    assert second.post(PATH, report(opened("u2", outcome_id="open-u1"))).json()["taken"] == 1


def test_what_nobody_sent_is_refused_and_the_rest_is_taken(shop: Api) -> None:
    tool = shop.tool("outcomes:write")
    answer = tool.post(PATH, report(opened(message_id="m-nobody", outcome_id="x"), opened()))
    assert answer.status_code == 200
    assert answer.json()["taken"] == 1
    assert [(one["index"], one["code"]) for one in answer.json()["refused"]] == [(0, "unknown_message")]
    nothing = tool.post(PATH, report(opened(message_id="m-nobody", outcome_id="x")))
    assert (nothing.status_code, nothing.json()["code"]) == (404, "nothing_taken")


def test_a_key_for_some_audiences_reports_on_those_only(shop: Api) -> None:
    tool = shop.tool("outcomes:write", "audience:recommendation")
    foreign, unknown = opened("u2"), opened(message_id="m-nobody", outcome_id="x")
    answer = tool.post(PATH, report(foreign, unknown, opened())).json()
    assert answer["taken"] == 1
    assert answer["refused"][0]["detail"] == answer["refused"][1]["detail"]
    sale = {"outcome_id": "s", "kind": "converted", "coupon_code": "HF-1", "occurred_at": OPENED}
    assert tool.post(PATH, report(sale)).json()["refused"][0]["code"] == "unknown_coupon"


def test_what_a_tool_sent_by_itself_is_told_whole(shop: Api) -> None:
    tool = shop.tool("outcomes:write", name="mailer")
    own = opened(message_id="77", user_id="u5", campaign_id="education", sent_at="2026-06-30T08:00:00Z")
    assert tool.post(PATH, report(own)).json()["taken"] == 1
    assert [(row["touch_id"], row["user_id"], row["channel"]) for row in landed(shop)] == [
        ("mailer/77", "u5", "other")
    ]


def test_redeemed_coupons_land_as_redemptions(shop: Api) -> None:
    tool = shop.tool("outcomes:write", name="till")
    sale = {
        "outcome_id": "s",
        "kind": "converted",
        "coupon_code": "HF-1",
        "order_id": "o1",
        "occurred_at": OPENED,
    }
    assert tool.post(PATH, report(sale)).json()["taken"] == 1
    assert landed(shop) == [
        {
            "redemption_id": "till/s",
            "coupon_code": "HF-1",
            "order_id": "o1",
            "redeemed_at": shop_time(datetime(2026, 6, 30, 10, tzinfo=UTC)),
        }
    ]
    orders = tool.post(PATH, report({**sale, "coupon_code": None}))
    assert (orders.status_code, orders.json()["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "changes",
    [
        {"occurred_at": "2026-06-30T12:00:00"},
        {"occurred_at": "yesterday"},
        {"kind": "bounced"},
        {"message_id": None},
        {"occurred_at": 1782800000},
        {"more": 1},
    ],
)
def test_what_cannot_be_understood_is_refused_whole(shop: Api, changes: dict[str, Any]) -> None:
    answer = shop.tool("outcomes:write").post(PATH, report(opened("u2"), opened(**changes)))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert landed(shop) == []


def test_impossible_outcomes_are_refused(shop: Api) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    first = "0001-01-01T00:00:00+14:00"
    odd = opened(outcome_id="o", message_id="m\x00")
    outcomes = (opened(occurred_at=later), opened(outcome_id="l", occurred_at=first), odd, opened("u2"))
    refused = shop.tool("outcomes:write").post(PATH, report(*outcomes)).json()["refused"]
    assert {one["index"]: one["code"] for one in refused} == {
        0: "in_the_future",
        1: "long_ago",
        2: "odd_text",
    }


def test_reports_reach_raw_with_the_days_delivery_and_survive_a_replay(shop: Api) -> None:
    settings = shop.shop.settings.warehouse
    shop.ledger.clock = lambda: datetime(2026, 6, 30, 15, tzinfo=UTC)
    tool = shop.tool("outcomes:write")
    tool.post(PATH, report(opened()))
    tool.post(PATH, report(opened(outcome_id="c", kind="clicked", occurred_at=CLICKED)))
    (folder,) = settings.landing.glob("*.reported")
    # alone it is no delivery: the day's own comes first
    assert ingest(settings, shop.ledger, progress=str).deliveries == ()
    own = settings.landing / folder.name.removesuffix(".reported")
    own.mkdir()
    for name, line in DELIVERED.items():
        (own / name).write_text(line)
    taken = ingest(settings, shop.ledger, progress=str)
    assert [one.status for one in taken.deliveries] == ["accepted", "accepted"]
    assert taken.newest_delivery_date == date.fromisoformat(own.name)
    versions = raw_touches(settings)
    assert versions == [("m-u1", True, False), ("m-u1", True, True)]
    # again, reported again, and loaded again: nothing doubles
    tool.post(PATH, report(opened()))
    assert ingest(settings, shop.ledger, progress=str).deliveries == ()
    rebuild(settings, shop.ledger, progress=str)
    assert raw_touches(settings) == versions


DELIVERED = {
    "events.csv": "event_id,user_id,session_id,occurred_at,event_type,product_id,duration_seconds,device\n"
    "e1,u1,s1,2026-06-30 10:00:00,login,,,\n",
    "orders.csv": "order_id,user_id,ordered_at,status,gross_amount,discount_amount,currency,coupon_code\n"
    "o1,u1,2026-06-30 10:00:00,paid,10,0,CNY,\n",
    "order_items.csv": "order_id,line_number,product_id,quantity,unit_price\no1,1,p1,1,10\n",
    "users.csv": "user_id,signed_up_at,country,region,city,birth_year,gender,acquisition_channel,language\n"
    "u1,2026-06-01 10:00:00,CN,,,,,,zh\n",
}


def raw_touches(settings: Any) -> list[tuple[Any, ...]]:
    with open_build(settings) as connection:
        return connection.execute(
            "select touch_id, opened_at is not null, clicked_at is not null "
            "from raw.sample_shop__campaign_touches order by all"
        ).fetchall()
