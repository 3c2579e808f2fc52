"""Audiences over HTTP: who is in them, who is left alone, and what changed since a run."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.api.asking import (
    CSV,
    NDJSON,
    WHOLE,
    Api,
    action,
    assigned,
    block,
    published,
    recorded,
    rights,
)
from tests.serving.published_shop import DAY, user_id
from warehouse.ledger import CampaignLaunch, utc_now

CAMPAIGN, TIER = "/v1/audiences/win_back_coupon", "/v1/audiences/high_risk"
HIGH = [number for number in range(40) if number % 10 < 4]


def names(*numbers: int) -> list[str]:
    return sorted(user_id(number) for number in numbers)


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Api]:
    with published(
        tmp_path,
        campaign_actions=[action(2), action(3, "holdout"), action(12), action(13, channel="sms")],
        user_contact_rights=rights(HIGH),
    ) as api:
        yield api


def test_a_campaign_is_whom_it_treats(api: Api) -> None:
    answer = api.tool("audience:win_back_coupon").get(CAMPAIGN).json()
    assert [user["user_id"] for user in answer["users"]] == names(2, 12, 13)
    assert (answer["audience_size"], answer["withheld"]) == (3, {"held_out": 1})
    assert "arm" not in answer["users"][0]
    assert "expected_net_value" not in answer["users"][0]


def test_a_tier_is_everybody_in_it_who_may_be_contacted(api: Api) -> None:
    tool = api.tool("audience:high_risk")
    left_alone = {3, 20}
    wanted = names(*(number for number in HIGH if number not in left_alone))
    assert tool.users(TIER, limit=4) == wanted
    answer = tool.get(TIER).json()
    assert answer["withheld"] == {"global_control": 1, "held_out": 1}
    assert answer["users"][0]["may_contact_by"] == "email|sms"


def test_every_format_holds_the_same_users(api: Api) -> None:
    tool = api.tool("audience:*", fields=WHOLE)
    lines = [json.loads(line) for line in tool.get(CAMPAIGN, NDJSON).text.splitlines()]
    assert [line["channel"] for line in lines] == ["email", "email", "sms"]
    assert tool.get(CAMPAIGN).json()["users"] == lines
    cells = list(csv.DictReader(io.StringIO(tool.get(CAMPAIGN, CSV).text)))
    assert [cell["user_id"] for cell in cells] == [line["user_id"] for line in lines]


def test_a_key_sees_the_audiences_that_it_may_pull(api: Api) -> None:
    told = api.tool("audience:high_risk", "audience:win_back_coupon").get("/v1/audiences").json()
    sizes = {one["name"]: (one["kind"], one["users"]) for one in told["audiences"]}
    assert sizes == {"win_back_coupon": ("campaign", 3), "high_risk": ("tier", 14)}
    assert api.tool("risk:read").get("/v1/audiences").json()["audiences"] == []
    everything = api.tool("audience:*").get("/v1/audiences").json()["audiences"]
    assert {"recommendation", "service_call", "medium_risk"} <= {one["name"] for one in everything}


def test_a_word_against_one_channel_counts_for_that_channel(day: Api) -> None:
    sees_channels, does_not = day.tool("audience:*", fields=WHOLE), day.tool("audience:*")
    day.ledger.block_contacts([block(2, "sms"), block(13, "sms", "unsubscribed")])
    # who does not see that 2 is to be written an e-mail must not write at all
    assert sees_channels.users(CAMPAIGN) == names(2, 12)
    assert does_not.users(CAMPAIGN) == names(12)
    tiers = {row["user_id"]: row for row in does_not.get(TIER, limit=100).json()["users"]}
    assert tiers[user_id(2)]["may_contact_by"] == "email"
    assert does_not.users(TIER, purpose="sms") == names(*(number for number in HIGH if number not in (2, 13)))


def test_purposes_are_for_tiers(day: Api) -> None:
    answer = day.tool("audience:*").get(CAMPAIGN, purpose="email")
    assert (answer.status_code, answer.json()["code"]) == (409, "purpose_of_campaign")


def test_who_agreed_to_nothing_is_in_no_tier(tmp_path: Path) -> None:
    objects = rights([1], objects_to_profiling=True)
    with published(tmp_path, user_contact_rights=[*rights([0]), *objects, *rights([2], None)]) as api:
        answer = api.tool("audience:*").get(TIER).json()
        assert [user["user_id"] for user in answer["users"]] == names(0)
        assert answer["withheld"] == {"no_consent": len(HIGH) - 1}


def test_a_delta_names_who_entered_and_who_left(day: Api) -> None:
    (first,) = day.shop.published
    day.shop.publish(
        campaign_actions=[action(2), action(12, "holdout"), action(22), action(13, channel="sms")],
        user_contact_rights=rights(HIGH),
    )
    day.ledger.block_contacts([block(13, "any", "erased")])
    day.app.state.snapshots._look_at = 0.0
    tool = day.tool("audience:*")
    told = tool.get(CAMPAIGN, since=first).json()
    assert {(user["change"], user["user_id"]) for user in told["users"]} == {
        ("entered", user_id(22)),
        ("exited", user_id(12)),
        ("exited", user_id(13)),
    }
    assert told["since"] == first
    exited = next(user for user in told["users"] if user["change"] == "exited")
    assert exited["action"] is None
    assert tool.users(CAMPAIGN, since=first, limit=1) == names(12, 13, 22)
    lines = tool.get(CAMPAIGN, NDJSON, since=first).text.splitlines()
    assert sorted(json.loads(line)["change"] for line in lines) == ["entered", "exited", "exited"]
    gone = tool.get(CAMPAIGN, since="20200101-000001")
    assert (gone.status_code, gone.json()["code"]) == (409, "run_gone")


def test_who_said_yes_again_is_named_as_entered(day: Api) -> None:
    tool = day.tool("audience:*")
    (run,) = day.shop.published
    day.ledger.block_contacts([block(12, "email")])
    assert user_id(12) not in tool.users(CAMPAIGN)
    day.ledger.lift_blocks("sample_shop", user_id(12), "email", at=utc_now())
    changes = {user["user_id"]: user["change"] for user in tool.get(CAMPAIGN, since=run).json()["users"]}
    assert changes == {user_id(12): "entered"}


def test_who_was_drawn_into_a_holdout_since_is_left_alone(day: Api) -> None:
    with day.ledger.writing() as connection:
        day.ledger.record_assignments(
            connection,
            [
                recorded(2, "holdout", "recommendation_1"),
                recorded(12, "holdout", "recommendation_1", days_ago=31),
                recorded(13, "treatment", "recommendation_1"),
            ],
        )
    assert day.tool("audience:*").users(CAMPAIGN) == names(12, 13)


@pytest.mark.parametrize(("state", "given"), [("awaiting_approval", 0), ("rejected", 0), ("released", 3)])
def test_what_a_person_did_not_release_is_not_given_out(day: Api, state: str, given: int) -> None:
    launch = CampaignLaunch(
        "sample_shop", "r", "win_back_coupon", DAY, "e", 4, 3, 1, 9.0, state, created_at=utc_now()
    )
    with day.ledger.writing() as connection:
        day.ledger.record_launch(connection, launch)
    answer = day.tool("audience:*").get(CAMPAIGN).json()
    assert answer["audience_size"] == given
    assert answer["withheld"].get("not_released", 0) == 3 - given


def test_a_validator_changes_when_somebody_says_no(day: Api) -> None:
    tool = day.tool("audience:*")
    before = tool.get(CAMPAIGN).headers["etag"]
    tool.headers["If-None-Match"] = before
    assert tool.get(CAMPAIGN).status_code == 304
    day.ledger.block_contacts([block(2, "any", "do_not_contact")])
    assert tool.get(CAMPAIGN).status_code == 200


def test_what_was_published_before_rights_were_is_no_tier(tmp_path: Path) -> None:
    with published(tmp_path, campaign_assignments=[assigned(3, "holdout")]) as api:
        api.shop.publish(without=["user_contact_rights"])
        api.app.state.snapshots._look_at = 0.0
        tool = api.tool("audience:*")
        assert (tool.get(TIER).status_code, tool.get(TIER).json()["code"]) == (503, "table_missing")
        told = tool.get("/v1/audiences").json()["audiences"]
        assert "high_risk" not in {one["name"] for one in told}
