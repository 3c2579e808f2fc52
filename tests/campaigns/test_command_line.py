"""The command line: what a person sees, and what a person decides."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.__main__ import main
from tests.campaigns.published_day import DAY, PublishedDay, chosen, published_day
from warehouse.command_line import FAILED
from warehouse.ledger import DeliveryAttempt, utc_now
from warehouse.ledger.claim_book import Result

Run = tuple[int, str, str]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PublishedDay]:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    monkeypatch.setenv("HOLDFAST_SOURCE", "sample_shop")
    for name in ("HOLDFAST_LEDGER_URL", "HOLDFAST_SENDING"):
        monkeypatch.delenv(name, raising=False)
    with published_day(tmp_path, monkeypatch) as opened:
        yield opened


@pytest.fixture
def ask(shop: PublishedDay, capsys: pytest.CaptureFixture[str]):
    def run(*arguments: str) -> Run:
        code = main(arguments)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_status_shows_what_waits_what_was_sent_and_why_not(shop: PublishedDay, ask) -> None:
    assert ask("status")[1] == "No campaign of sample_shop was recorded yet\n"
    shop.set_seed("campaign_policy", "recommendation", approval_above_users=1)
    shop.set_seed("campaign_policy", "win_back_coupon", budget=3, budget_per_day=3)
    coupons = [chosen(f"c{number}", "win_back_coupon", cost=0.01) for number in range(2)]
    shop.decide(chosen("u1"), chosen("u2"), *coupons)
    code, told, _ = ask("status")
    assert code == 0
    assert "Waiting for approval" in told
    assert "2 held" in told
    assert "1 pending  1 suppressed" in told
    assert "1 suppressed: budget_exhausted" in told
    assert "3.00 of         3.00" in told


def test_a_dry_run_shows_to_whom_and_writes_nothing(shop: PublishedDay, ask) -> None:
    shop.publish([chosen("u1"), chosen("u2"), chosen("u3", arm="holdout")])
    code, told, progress = ask("dry-run", "--top", "1")
    assert code == 0
    assert "to u1 by email: picks_for_you, pending" in told
    assert "and 1 more" in told
    assert "would be refused" in progress  # that day is long past by the wall clock
    assert "u3" not in told
    assert shop.ledger.messages("sample_shop") == ()


def test_a_launch_is_approved_or_rejected_by_a_person(shop: PublishedDay, ask) -> None:
    for campaign_id in ("recommendation", "education"):
        shop.set_seed("campaign_policy", campaign_id, approval_above_users=0)
    shop.decide(chosen("u1"), chosen("u2", "education"))
    for launch in shop.ledger.launches("sample_shop"):
        with shop.ledger.writing() as connection:
            waits = replace(launch, deadline_at=utc_now() + timedelta(hours=1))
            shop.ledger.record_launch(connection, waits)
    day = ("--day", str(DAY), "--by", "ada")
    assert ask("approve", "--campaign", "recommendation", *day)[1].startswith("recommendation of")
    assert ask("reject", "--campaign", "education", *day, "--reason", "too early")[0] == 0
    assert shop.states() == {"u1": "pending", "u2": "cancelled"}
    assert "nothing was done" in ask("approve", "--campaign", "recommendation", *day)[1]
    code, _, error = ask("approve", "--campaign", "education", *day)
    assert code == FAILED
    assert "waits for a decision" in error


def test_a_user_is_blocked_and_unblocked(shop: PublishedDay, ask) -> None:
    assert "is blocked now for any: do_not_contact" in ask("block", "u1")[1]
    assert "was blocked before" in ask("block", "u1")[1]
    assert ask("block", "u1", "--purpose", "email", "--reason", "unsubscribed")[0] == 0
    assert "1 email: unsubscribed" in ask("status")[1]
    assert ask("unblock", "u1")[0] == 0
    assert [one.purpose for one in shop.ledger.contact_blocks("sample_shop")] == ["email"]
    assert ask("unblock", "u1")[0] == FAILED


def test_dead_letters_are_shown_and_tried_again(shop: PublishedDay, ask) -> None:
    assert ask("dead-letters")[1] == "No dead letters\n"
    shop.decide(chosen("u1"), chosen("u2"))
    messages = shop.ledger.messages("sample_shop")
    for message in messages:
        with shop.ledger.writing() as connection:
            shop.ledger.claim(connection, [message.message_id], "w", message.expires_at)
        told = DeliveryAttempt(message.message_id, 1, message.created_at, "rejected", 422, "no such user")
        shop.ledger.record_results([Result(told, "dead", message.created_at, failure="no such user")], "w")
    told = ask("dead-letters", "--top", "1")[1]
    assert "2 dead letters" in told
    assert "rejected 422  no such user" in told
    assert ask("retry")[0] == FAILED
    # those letters have expired by the wall clock
    assert "stays dead" in ask("retry", "--all")[2]
    with shop.ledger.writing() as connection:
        connection.exec_driver_sql("update outbox set expires_at = '2999-01-01 00:00:00.000000'")
    assert "1 dead letters" in ask("retry", messages[0].message_id)[1]
    assert "1 dead letters" in ask("retry", "--all")[1]
    assert shop.states() == {"u1": "pending", "u2": "pending"}


def test_nothing_is_relayed_unless_sending_is_on(ask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "HOLDFAST_SENDING=on" in ask("relay")[2]
    monkeypatch.setenv("HOLDFAST_SENDING", "on")
    assert "No channel" in ask("relay")[2]


def test_no_screen_shows_a_coupon_code(shop: PublishedDay, ask) -> None:
    shop.decide(chosen("u1", "win_back_coupon"))
    code = json.loads(shop.ledger.messages("sample_shop")[0].payload_json)["coupon_code"]
    assert code not in "".join(ask("status")[1:]) + "".join(ask("dry-run")[1:])
