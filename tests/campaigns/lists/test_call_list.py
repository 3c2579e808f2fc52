"""The call list: whom to call first, why and what to say; safe in a spreadsheet, lossless beside it."""

import csv
import json
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from campaigns.lists import write_lists
from campaigns.lists.folders import read_folder
from tests.campaigns.lists.makers import DAY, NOW, block, give_phones, outbox_message, release, states
from warehouse.ledger import Ledger, Run
from warehouse.ledger.campaign_tables import outbox
from warehouse.settings import Settings

CAMPAIGN = "service_call"
# What spreadsheets take for a formula, or for the end of a cell.
EVIL = [
    '=HYPERLINK("http://evil.example","x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    'a"b,c\nd',
]


def read(path: str) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    folder = Path(path)
    with (folder / "call_list.csv").open(encoding="utf-8", newline="") as stream:
        cells = list(csv.DictReader(stream))
    lines = (folder / "call_list.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    return cells, [json.loads(line) for line in lines]


def call(user_id: str, run: Run, value: float = 1.0, **payload: Any) -> Any:
    return outbox_message(user_id, "call", run, CAMPAIGN, payload={"expected_net_value": value, **payload})


def test_who_brings_most_is_called_first_with_reasons_and_talking_points(
    settings: Settings, ledger: Ledger, run: Run
) -> None:
    release(ledger, [call("u1", run, 3.0), call("u2", run, 9.0), call("u3", run, 5.0)])
    give_phones(settings, {"u1": "+8613800000001", "u2": "+8613800000002", "u3": "+8613800000003"})
    (path,) = write_lists(settings, ledger, run, now=NOW, environment={})
    cells, rows = read(path)
    assert [(row["call_rank"], row["user_id"], row["phone"]) for row in rows] == [
        (1, "u2", "+8613800000002"),
        (2, "u3", "+8613800000003"),
        (3, "u1", "+8613800000001"),
    ]
    first = rows[0]
    assert first["reasons_en"] == ["No visit in the last 90 days", "A complaint is open"]
    assert first["reasons_zh"] == ["近 90 天没有访问", "有未处理的投诉"]
    assert any("complaint was left without an answer" in point for point in first["talking_points_en"])
    assert any("投诉未得到回复" in point for point in first["talking_points_zh"])
    assert (first["value_tier"], first["risk_tier"], first["preferred_hour"]) == ("medium", "high", 20)
    assert [cell["user_id"] for cell in cells] == ["u2", "u3", "u1"]
    assert cells[0]["reasons_en"] == "No visit in the last 90 days A complaint is open"
    assert set(states(ledger).values()) == {("sent", None)}


def test_a_list_is_its_owners_only_and_its_manifest_holds(
    settings: Settings, ledger: Ledger, run: Run
) -> None:
    release(ledger, [call("u1", run)])
    give_phones(settings, {"u1": "1"})
    (path,) = write_lists(settings, ledger, run, now=NOW, environment={})
    files = sorted(Path(path).iterdir())
    assert [file.name for file in files] == ["_SUCCESS", "call_list.csv", "call_list.jsonl", "manifest.json"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o700
    manifest = read_folder(Path(path))
    assert (manifest["rows"], manifest["run_id"], manifest["as_of_date"]) == (1, run.run_id, "2026-06-30")
    assert Path(path).relative_to(settings.home) == Path(
        f"lists/shop/calls/as_of_date=2026-06-30/run_id={run.run_id}"
    )


@pytest.mark.parametrize("evil", EVIL)
def test_no_cell_of_the_csv_starts_a_formula_and_the_twin_keeps_it(
    settings: Settings, ledger: Ledger, run: Run, evil: str
) -> None:
    user = f"{evil}u"
    release(ledger, [call(user, run, reason_1_sentence_en=evil, trigger_code=evil)])
    give_phones(settings, {user: "+49 30 1"})
    (path,) = write_lists(settings, ledger, run, now=NOW, environment={})
    ((cells,), (row,)) = read(path)
    assert (row["user_id"], row["trigger_code"], row["phone"]) == (user, evil, "+49 30 1")
    assert row["reasons_en"][0] == evil
    is_formula = evil[0] in "=+-@\t\r\n＝＋－＠"
    assert cells["user_id"] == (f"'{user}" if is_formula else user)
    assert cells["trigger_code"] == (f"'{evil}" if is_formula else evil)
    assert cells["phone"] == "'+49 30 1"
    assert cells["call_rank"] == "1"
    assert not [text for text in cells.values() if text[:1] in tuple("=+-@\t\r＝＋－＠")]


def test_nobody_is_called_without_a_number_or_against_their_will(
    settings: Settings, ledger: Ledger, run: Run
) -> None:
    release(ledger, [call(user, run) for user in ("anna", "blocked", "objects", "silent", "lent")])
    release(ledger, [call("held", run)], arm="holdout")
    give_phones(settings, {"anna": "1", "blocked": "2", "objects": "3", "held": "4", "lent": "5"})
    give_phones(settings, {"newer": "5"}, place=100)
    block(ledger, "blocked", "call")
    block(ledger, "objects", "profiling", "consent_withdrawn")
    (path,) = write_lists(settings, ledger, run, now=NOW, environment={})
    assert [row["user_id"] for row in read(path)[1]] == ["anna"]
    assert states(ledger) == {
        "anna": ("sent", None),
        "blocked": ("suppressed", "unsubscribed"),
        "objects": ("suppressed", "consent_withdrawn"),
        "silent": ("suppressed", "no_address"),
        "lent": ("suppressed", "address_reused"),
        "held": ("suppressed", "held_out"),
    }


def test_a_list_is_written_at_night_too_since_it_says_when_to_call(
    settings: Settings, ledger: Ledger, run: Run
) -> None:
    release(ledger, [call("u1", run)])
    give_phones(settings, {"u1": "1"})
    midnight = NOW.replace(hour=18)
    assert len(write_lists(settings, ledger, run, now=midnight, environment={})) == 1
    assert states(ledger) == {"u1": ("sent", None)}


def test_a_message_says_which_list_it_is_on(settings: Settings, ledger: Ledger, run: Run) -> None:
    release(ledger, [call("u1", run)])
    give_phones(settings, {"u1": "1"})
    write_lists(settings, ledger, run, now=NOW, environment={})
    (message,) = ledger.messages("shop")
    assert message.provider_reference == f"calls/as_of_date=2026-06-30/run_id={run.run_id}"
    assert message.sent_at == NOW
    assert [attempt.outcome for attempt in ledger.attempts_of(message.message_id)] == ["accepted"]


def test_lists_with_phone_numbers_are_kept_for_thirty_days(
    settings: Settings, ledger: Ledger, run: Run
) -> None:
    give_phones(settings, {"u1": "1"})
    for days, left in ((0, 1), (30, 2), (31, 2)):
        later = ledger.begin_run("campaigns", "shop", DAY + timedelta(days=days))
        moment = NOW + timedelta(days=days)
        release(ledger, [replace(call("u1", later), expires_at=moment + timedelta(days=1))])
        with ledger.writing() as connection:
            # the user may be called again at once: this is not about caps
            connection.execute(outbox.update().where(outbox.c.state == "sent").values(sent_at=None))
        assert len(write_lists(settings, ledger, later, now=moment, environment={})) == 1
        kept = sorted(path.name for path in (settings.home / "lists/shop/calls").iterdir())
        assert len(kept) == left
    assert kept == ["as_of_date=2026-07-30", "as_of_date=2026-07-31"]
