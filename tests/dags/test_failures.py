from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dags.wiring.failures import readable, report_failure
from warehouse.errors import GateFailure
from warehouse.ledger import Ledger
from warehouse.settings import Settings

DAY = date(2026, 6, 1)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    with Ledger.open(Settings.from_environment()) as opened:
        yield opened


def failed_task(opened: Any, exception: BaseException | None) -> dict[str, Any]:
    def xcom_pull(task_ids: str) -> Any:
        if isinstance(opened, BaseException):
            raise opened
        return opened

    ti = SimpleNamespace(dag_id="build_user_features", task_id="check_features", xcom_pull=xcom_pull)
    return {"ti": ti, "exception": exception}


def test_a_failed_task_writes_its_reason_to_the_ledger_and_into_the_report(
    ledger: Ledger, tmp_path: Path
) -> None:
    run = ledger.begin_run("features", "sample_shop", DAY)
    reason = GateFailure("The features gate is closed", "0 rows", "ask the shop")
    report_failure(failed_task([{"run_id": run.run_id, "as_of_date": "2026-06-01"}], reason))
    assert ledger.run(run.run_id).status == "failed"
    told = (tmp_path / "reports" / "latest.md").read_text()
    for part in ("build_user_features.check_features", "The features gate is closed", "ask the shop"):
        assert part in told
    assert "Traceback" not in told


def test_a_killed_task_that_cannot_be_asked_fails_the_unfinished_run_of_its_kind(ledger: Ledger) -> None:
    scored = ledger.begin_run("score", "sample_shop", DAY)
    done = ledger.begin_run("features", "sample_shop", date(2026, 5, 31))
    ledger.finish_run(done)
    killed = ledger.begin_run("features", "sample_shop", DAY)
    report_failure(failed_task(RuntimeError("no supervisor"), None))
    assert ledger.run(killed.run_id).status == "failed"
    assert "killed" in (ledger.run(killed.run_id).reason or "")
    assert ledger.run(scored.run_id).status == "running"
    assert ledger.run(done.run_id).status == "succeeded"


def test_a_run_that_was_overtaken_stays_so(ledger: Ledger) -> None:
    older = ledger.begin_run("features", "sample_shop", DAY)
    newer = ledger.begin_run("features", "sample_shop", DAY)
    report_failure(failed_task([{"run_id": older.run_id, "as_of_date": "2026-06-01"}], ValueError("late")))
    assert ledger.run(older.run_id).status == "superseded"
    assert ledger.run(newer.run_id).status == "running"


@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        (GateFailure("Closed", 3, "look"), "Closed Found: 3. To do: look"),
        (KeyError("x"), "KeyError: 'x'"),
        (RuntimeError(), "RuntimeError: RuntimeError"),
    ],
)
def test_a_reason_is_one_paragraph(exception: BaseException, expected: str) -> None:
    assert readable(exception) == expected
