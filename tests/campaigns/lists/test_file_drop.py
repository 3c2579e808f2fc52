"""File drops: the whole audience and what changed, in parts, complete or not there."""

import csv
import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from campaigns.lists import file_drop, write_lists
from campaigns.lists.entries import COLUMNS
from campaigns.lists.file_drop import difference
from campaigns.lists.folders import read_folder
from tests.campaigns.lists.makers import DAY, NOW, block, outbox_message, release, states
from warehouse.errors import DamagedFile, SupersededRun
from warehouse.ledger import Ledger, Run
from warehouse.settings import Settings


def drop(users: str, run: Run, campaign: str = "win_back_coupon", **more: Any) -> list[Any]:
    return [outbox_message(user, "file", run, campaign, **more) for user in users.split()]


def rows(path: str | Path, kind: str = "full") -> list[dict[str, Any]]:
    files = sorted((Path(path) / kind).glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def written(settings: Settings, ledger: Ledger, run: Run, **more: Any) -> list[str]:
    return list(write_lists(settings, ledger, run, now=more.pop("now", NOW), environment={}, **more))


def test_a_drop_has_its_audience_in_parquet_and_csv_with_a_manifest(
    settings: Settings, ledger: Ledger, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_drop.FileDrop.__init__, "__kwdefaults__", {"part_rows": 2})
    payload = {"products": ["P-1", {"product_id": "P-2"}], "face_value": 20, "expires_on": "2026-07-14"}
    release(ledger, drop("u3 u1 u2", run, payload=payload, coupon_code="AB12"))
    (path,) = written(settings, ledger, run)
    folder = Path(path)
    assert folder.relative_to(settings.home) == Path(
        f"lists/shop/files/audience=win_back_coupon/as_of_date=2026-06-30/run_id={run.run_id}"
    )
    names = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    assert names == [
        "_SUCCESS",
        *(
            f"{kind}/part-0000{part}.{suffix}"
            for kind in ("delta",)
            for part in (0, 1)
            for suffix in ("csv", "parquet")
        ),
        *(f"full/part-0000{part}.{suffix}" for part in (0, 1) for suffix in ("csv", "parquet")),
        "manifest.json",
    ]
    manifest = read_folder(folder)
    assert manifest["full"] == {"rows": 3}
    assert manifest["delta"] == {"rows": 3, "added": 3, "removed": 0, "changed": 0, "against": None}
    assert [column["name"] for column in manifest["columns"]] == list(COLUMNS)
    assert {file["name"]: file["rows"] for file in manifest["files"]}["full/part-00001.csv"] == 1
    found = rows(folder)
    assert [row["user_id"] for row in found] == ["u1", "u2", "u3"]
    assert (found[0]["products"], found[0]["face_value"], found[0]["coupon_code"]) == (
        '["P-1", "P-2"]',
        20.0,
        "AB12",
    )
    assert found[0]["expires_on"].isoformat() == "2026-07-14"
    assert found[0]["message_id"] == ledger.messages("shop", user_id="u1")[0].message_id
    with (folder / "full" / "part-00000.csv").open(newline="", encoding="utf-8") as stream:
        cells = list(csv.DictReader(stream))
    assert [cell["user_id"] for cell in cells] == ["u1", "u2"]
    assert list(cells[0]) == list(COLUMNS)
    assert {state for state, _ in states(ledger).values()} == {"sent"}


def test_ids_that_start_a_formula_are_neutralised_in_csv_only(
    settings: Settings, ledger: Ledger, run: Run
) -> None:
    release(ledger, [outbox_message(user, "file", run) for user in ("=1+1", "-7", "000123")])
    (path,) = written(settings, ledger, run)
    assert [row["user_id"] for row in rows(path)] == ["-7", "000123", "=1+1"]
    text = (Path(path) / "full" / "part-00000.csv").read_text(encoding="utf-8")
    assert ",'=1+1," in text and ",'-7," in text and ",000123," in text


def test_the_next_day_says_what_changed(settings: Settings, ledger: Ledger, run: Run) -> None:
    release(ledger, drop("stays leaves", run) + drop("changes", run, payload={"risk_tier": "medium"}))
    (first,) = written(settings, ledger, run)
    tomorrow = ledger.begin_run("campaigns", "shop", DAY + timedelta(days=1))
    release(ledger, drop("stays comes", tomorrow) + drop("changes", tomorrow, payload={"risk_tier": "high"}))
    (second,) = written(settings, ledger, tomorrow, now=NOW + timedelta(days=1))
    assert [(row["change"], row["user_id"], row["risk_tier"]) for row in rows(second, "delta")] == [
        ("changed", "changes", "high"),
        ("added", "comes", "high"),
        ("removed", "leaves", "high"),
    ]
    manifest = read_folder(Path(second))
    assert manifest["delta"] == {
        "rows": 3,
        "added": 1,
        "removed": 1,
        "changed": 1,
        "against": f"as_of_date=2026-06-30/run_id={run.run_id}",
    }
    assert manifest["full"] == {"rows": 3}
    assert read_folder(Path(first))["delta"]["against"] is None


def test_full_and_delta_agree_over_many_days() -> None:
    from hypothesis import given, settings
    from hypothesis import strategies as st

    audience = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["high", "low"]))

    @settings(max_examples=100, deadline=None)
    @given(audience, audience)
    def holds(before: dict[str, str], after: dict[str, str]) -> None:
        blank = dict.fromkeys(COLUMNS)
        old, new = (
            [{**blank, "user_id": user, "risk_tier": tier, "run_id": run} for user, tier in one.items()]
            for one, run in ((before, "1"), (after, "2"))
        )
        replayed = dict(before)
        for row in difference(old, new):
            if row["change"] == "removed":
                del replayed[row["user_id"]]
            else:
                assert (row["user_id"] in replayed) == (row["change"] == "changed")
                replayed[row["user_id"]] = row["risk_tier"]
        assert replayed == after
        assert difference(new, [{**row, "run_id": "3", "message_id": "m"} for row in new]) == []

    holds()


def test_each_campaign_has_an_audience_of_its_own(settings: Settings, ledger: Ledger, run: Run) -> None:
    release(ledger, drop("a b", run) + drop("c", run, "recommendation"))
    paths = written(settings, ledger, run)
    assert [Path(path).parts[-3] for path in paths] == ["audience=recommendation", "audience=win_back_coupon"]
    assert [[row["user_id"] for row in rows(path)] for path in paths] == [["c"], ["a", "b"]]


def test_writing_again_changes_nothing(settings: Settings, ledger: Ledger, run: Run) -> None:
    release(ledger, drop("a b", run))
    (path,) = written(settings, ledger, run)
    before = {
        file: (file.read_bytes(), file.stat().st_mtime_ns) for file in Path(path).rglob("*") if file.is_file()
    }
    again = ledger.begin_run("campaigns", "shop", DAY)
    assert written(settings, ledger, again) == []
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in before} == before
    assert len(list(Path(path).parent.iterdir())) == 1


def test_what_is_released_later_comes_with_the_whole_audience(
    settings: Settings, ledger: Ledger, run: Run
) -> None:
    release(ledger, drop("a b", run))
    written(settings, ledger, run)
    block(ledger, "b", "email")
    release(ledger, drop("c", run))
    (second,) = written(settings, ledger, run)
    assert Path(second).name == f"run_id={run.run_id}-2"
    assert [row["user_id"] for row in rows(second)] == ["a", "c"]
    changes = [(row["change"], row["user_id"]) for row in rows(second, "delta")]
    assert changes == [("removed", "b"), ("added", "c")]


def test_a_list_found_on_the_disk_is_marked_and_not_written_again(
    settings: Settings, ledger: Ledger, run: Run
) -> None:
    messages = drop("a b", run)
    release(ledger, messages)
    (path,) = written(settings, ledger, run)
    with ledger.writing() as connection:
        # as a writer leaves it that was killed after the list and before the mark
        from warehouse.ledger.campaign_tables import outbox

        connection.execute(outbox.update().values(state="claimed", claimed_by="lists", sent_at=None))
    block(ledger, "b", "email")
    assert written(settings, ledger, run) == []
    assert {state for state, _ in states(ledger).values()} == {"sent"}
    assert len(list(Path(path).parent.iterdir())) == 1


def test_consent_withdrawn_after_the_list_was_made_is_honoured(
    settings: Settings, ledger: Ledger, run: Run
) -> None:
    release(ledger, drop("a b c", run))
    block(ledger, "b", "email", "consent_withdrawn")
    block(ledger, "c", "any", "do_not_contact")
    (path,) = written(settings, ledger, run)
    assert [row["user_id"] for row in rows(path)] == ["a"]
    assert states(ledger)["b"] == ("suppressed", "consent_withdrawn")
    assert states(ledger)["c"] == ("suppressed", "do_not_contact")


def test_who_was_contacted_lately_is_on_no_list(settings: Settings, ledger: Ledger, run: Run) -> None:
    mail = outbox_message(
        "lately", "email", run, "recommendation", state="sent", sent_at=NOW - timedelta(hours=2)
    )
    old = outbox_message(
        "long_ago", "email", run, "recommendation", state="sent", sent_at=NOW - timedelta(days=3)
    )
    release(ledger, [mail, old])
    release(ledger, drop("lately long_ago", run))
    (path,) = written(settings, ledger, run)
    assert [row["user_id"] for row in rows(path)] == ["long_ago"]
    (message,) = ledger.messages("shop", user_id="lately", channel="file")
    assert (message.state, message.failure) == ("suppressed", "contacted_recently")


def test_what_is_held_for_approval_is_on_no_list(settings: Settings, ledger: Ledger, run: Run) -> None:
    release(ledger, [replace(one, state="held") for one in drop("a", run)])
    assert written(settings, ledger, run) == []
    assert states(ledger) == {"a": ("held", None)}


def test_what_is_left_of_an_earlier_day_expires(settings: Settings, ledger: Ledger, run: Run) -> None:
    release(ledger, [*drop("old", run), outbox_message("nobodys", "table", run)])
    tomorrow = ledger.begin_run("campaigns", "shop", DAY + timedelta(days=1))
    release(ledger, drop("new", tomorrow))
    (path,) = written(settings, ledger, tomorrow)
    assert [row["user_id"] for row in rows(path)] == ["new"]
    assert states(ledger)["old"] == ("expired", "a newer day's list took its place")
    assert states(ledger)["nobodys"][0] == "expired"


def test_nothing_is_written_while_sending_is_off(settings: Settings, ledger: Ledger, run: Run) -> None:
    release(ledger, drop("a", run))
    assert written(replace(settings, sending=False), ledger, run) == []
    assert not (settings.home / "lists").exists()


def test_a_run_that_was_overtaken_writes_nothing(settings: Settings, ledger: Ledger, run: Run) -> None:
    release(ledger, drop("a", run))
    ledger.begin_run("campaigns", "shop", DAY)
    with pytest.raises(SupersededRun):
        written(settings, ledger, run)
    assert states(ledger) == {"a": ("pending", None)}


def test_a_damaged_drop_is_noticed_before_it_is_compared_with(
    settings: Settings, ledger: Ledger, run: Run
) -> None:
    release(ledger, drop("a", run))
    (path,) = written(settings, ledger, run)
    file = Path(path) / "full" / "part-00000.csv"
    file.write_bytes(file.read_bytes()[:-1])
    release(ledger, drop("b", run))
    with pytest.raises(DamagedFile, match="part-00000"):
        written(settings, ledger, run)
    assert states(ledger)["b"][0] == "pending"
    shutil.rmtree(path)
    assert len(written(settings, ledger, run)) == 1


def test_a_list_that_cannot_be_written_gives_its_messages_back(
    settings: Settings, ledger: Ledger, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(ledger, drop("a", run))

    def full_disk(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(file_drop, "write_parquet", full_disk)
        with pytest.raises(OSError, match="No space"):
            written(settings, ledger, run)
    assert states(ledger) == {"a": ("pending", "the list could not be written (OSError)")}
    assert [path.name for path in (settings.home / "lists/shop/files").rglob("*") if path.is_file()] == []
    (path,) = written(settings, ledger, run)
    assert json.loads((Path(path) / "manifest.json").read_text())["full"] == {"rows": 1}
    assert states(ledger) == {"a": ("sent", None)}
