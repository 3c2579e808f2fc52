"""Alarms against a real receiver on this machine, which does what the test says."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from warehouse import alarms as hook
from warehouse.alarms import raise_alarms
from warehouse.errors import SettingsError
from warehouse.ledger import Alarm, Ledger, Run
from warehouse.reports import write_report
from warehouse.settings import Settings

DAY = date(2026, 6, 30)
DRIFT = Alarm("shop", DAY, "feature_drift", "paid_orders_30d", "The index is .41, alarm from .20.")
AGE = Alarm("shop", DAY, "model_age", "churn-1", "The model is 57 days old, alarm above 56.")
QUIET: list[str] = []


class Receiver:
    """Answers with the codes that it was given, one after the other, the last one for good."""

    def __init__(self) -> None:
        self.answers = [200]
        self.got: list[dict[str, Any]] = []
        self.ids: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(json.loads(body))
                receiver.ids.append(self.headers["webhook-id"])
                code = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                if code == 0:
                    self.connection.close()
                    return
                self.send_response(code)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *values: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/secret-path"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr(hook, "PAUSES_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(hook, "TIMEOUT_SECONDS", 2.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def settings(tmp_path: Path, receiver: Receiver) -> Settings:
    return Settings.from_environment(
        {"HOLDFAST_HOME": str(tmp_path), "HOLDFAST_SOURCE": "shop", "HOLDFAST_ALARM_URL": receiver.url}
    )


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened


@pytest.fixture
def run(ledger: Ledger) -> Run:
    return ledger.begin_run("score", "shop", DAY)


def test_new_alarms_are_posted_together(
    settings: Settings, ledger: Ledger, run: Run, receiver: Receiver
) -> None:
    raise_alarms(settings, ledger, run, [DRIFT, AGE], progress=QUIET.append)
    (got,) = receiver.got
    assert (got["source"], got["run_id"]) == ("shop", run.run_id)
    assert got["alarms"] == [
        {
            "as_of_date": "2026-06-30",
            "kind": alarm.kind,
            "subject": alarm.subject,
            "message": alarm.message,
            "run_id": run.run_id,
        }
        for alarm in (DRIFT, AGE)
    ]
    assert {alarm.notification for alarm in ledger.alarms("shop")} == {"sent"}


def test_a_day_run_again_tells_nobody_again(
    settings: Settings, ledger: Ledger, run: Run, receiver: Receiver
) -> None:
    assert len(raise_alarms(settings, ledger, run, [DRIFT], progress=QUIET.append)) == 1
    again = ledger.begin_run("score", "shop", DAY)
    assert raise_alarms(settings, ledger, again, [DRIFT], progress=QUIET.append) == ()
    assert len(receiver.got) == 1


def test_no_alarm_no_post(settings: Settings, ledger: Ledger, run: Run, receiver: Receiver) -> None:
    raise_alarms(settings, ledger, run, [], progress=QUIET.append)
    assert receiver.got == []


@pytest.mark.parametrize("answers", [[500, 200], [0, 503, 204]])
def test_a_receiver_that_stumbles_is_asked_again_under_the_same_id(
    settings: Settings, ledger: Ledger, run: Run, receiver: Receiver, answers: list[int]
) -> None:
    receiver.answers = answers
    tries = len(answers)
    raise_alarms(settings, ledger, run, [DRIFT], progress=QUIET.append)
    assert len(receiver.got) == tries
    assert len(set(receiver.ids)) == 1
    assert ledger.alarms("shop")[0].notification == "sent"


def test_a_receiver_that_is_down_fails_nothing_and_gets_it_with_the_next_alarms(
    settings: Settings, ledger: Ledger, run: Run, receiver: Receiver
) -> None:
    receiver.answers = [500]
    said: list[str] = []
    raise_alarms(settings, ledger, run, [DRIFT], progress=said.append)
    (waiting,) = ledger.alarms("shop")
    assert (waiting.notification, waiting.failure) == ("waiting", "the receiver answered 500, 3 times")
    assert len(receiver.got) == 3
    receiver.answers = [200]
    tomorrow = DAY + timedelta(days=1)
    next_run = ledger.begin_run("score", "shop", tomorrow)
    raise_alarms(settings, ledger, next_run, [replace(AGE, as_of_date=tomorrow)], progress=said.append)
    assert [alarm["kind"] for alarm in receiver.got[-1]["alarms"]] == ["feature_drift", "model_age"]
    assert {alarm.notification for alarm in ledger.alarms("shop")} == {"sent"}


def test_an_alarm_that_waited_too_long_is_not_told_any_more(
    settings: Settings, ledger: Ledger, run: Run, receiver: Receiver
) -> None:
    receiver.answers = [500]
    raise_alarms(settings, ledger, run, [DRIFT], progress=QUIET.append)
    receiver.answers, receiver.got = [200], []
    later = ledger.begin_run("score", "shop", DAY + timedelta(days=8))
    raise_alarms(settings, ledger, later, [], progress=QUIET.append)
    assert receiver.got == []


def test_nobody_there_fails_nothing(settings: Settings, ledger: Ledger, run: Run) -> None:
    nowhere = replace(settings, alarm_url="http://127.0.0.1:9/secret-path")
    raise_alarms(nowhere, ledger, run, [DRIFT], progress=QUIET.append)
    assert ledger.alarms("shop")[0].failure == "no answer (ConnectionRefusedError), 3 times"


@pytest.mark.parametrize("quiet", ["a replay", "no address"])
def test_a_replay_and_a_home_without_an_address_record_and_tell_nobody(
    settings: Settings, ledger: Ledger, run: Run, receiver: Receiver, quiet: str
) -> None:
    if quiet == "no address":
        settings = replace(settings, alarm_url="")
    new = raise_alarms(settings, ledger, run, [DRIFT], notify=quiet != "a replay", progress=QUIET.append)
    assert [alarm.notification for alarm in new] == ["not_asked"]
    raise_alarms(settings, ledger, run, [DRIFT], notify=quiet != "a replay", progress=QUIET.append)
    assert receiver.got == []


def test_what_a_replay_found_is_told_when_the_day_is_run_for_good(
    settings: Settings, ledger: Ledger, run: Run, receiver: Receiver
) -> None:
    raise_alarms(settings, ledger, run, [DRIFT], notify=False, progress=QUIET.append)
    assert raise_alarms(settings, ledger, run, [DRIFT], progress=QUIET.append) == ()
    assert [alarm["kind"] for alarm in receiver.got[0]["alarms"]] == ["feature_drift"]


def test_each_alarm_is_printed_and_the_address_never_is(
    settings: Settings, ledger: Ledger, run: Run, receiver: Receiver
) -> None:
    receiver.answers = [404]
    said: list[str] = []
    raise_alarms(settings, ledger, run, [DRIFT], progress=said.append)
    assert said[0] == "ALARM feature_drift paid_orders_30d: The index is .41, alarm from .20."
    assert "404" in said[1]
    kept = "".join(said) + repr(ledger.alarms("shop")) + repr(settings)
    assert "secret-path" not in kept


def test_the_report_of_the_run_lists_the_alarms_of_its_day(
    settings: Settings, ledger: Ledger, run: Run, receiver: Receiver
) -> None:
    other_day = replace(AGE, as_of_date=DAY - timedelta(days=1))
    raise_alarms(settings, ledger, run, [DRIFT, other_day], progress=QUIET.append)
    text = write_report(settings, ledger, run.run_id).read_text()
    assert "| feature_drift | paid_orders_30d | The index is .41, alarm from .20. | sent |" in text
    assert "model_age" not in text


def test_an_address_that_is_none_is_refused_without_being_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="HOLDFAST_ALARM_URL") as raised:
        Settings.from_environment(
            {"HOLDFAST_HOME": str(tmp_path), "HOLDFAST_ALARM_URL": "file:///secret-path"}
        )
    assert "secret-path" not in str(raised.value)
