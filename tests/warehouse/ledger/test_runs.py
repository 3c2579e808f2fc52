from datetime import date

import pytest

from warehouse.errors import SupersededRun
from warehouse.ledger import GateResult, Ledger, LedgerError, Run

DAY = date(2024, 3, 1)


def test_a_run_is_named_for_its_day_and_epoch(ledger: Ledger) -> None:
    run = ledger.begin_run("score", "shop", DAY, "scheduled")
    assert run.run_id == f"20240301-{run.epoch:06d}"
    assert ledger.run(run.run_id) == run


def test_epochs_only_grow(ledger: Ledger) -> None:
    epochs = [ledger.begin_run("score", "shop", DAY).epoch for _ in range(5)]
    assert epochs == sorted(set(epochs))


def test_a_newer_run_of_the_same_work_takes_over(ledger: Ledger) -> None:
    older = ledger.begin_run("score", "shop", DAY)
    newer = ledger.begin_run("score", "shop", DAY)
    assert ledger.run(older.run_id).status == "superseded"
    ledger.assert_epoch_current(newer)
    with pytest.raises(SupersededRun, match=newer.run_id):
        ledger.assert_epoch_current(older)
    with pytest.raises(SupersededRun):
        ledger.finish_run(older)
    with pytest.raises(SupersededRun):
        ledger.record_built_day(older)
    assert ledger.newest_built_day("shop") is None


@pytest.mark.parametrize(
    "other", [("features", "shop", DAY), ("score", "other", DAY), ("score", "shop", date(2024, 3, 2))]
)
def test_a_run_of_other_work_takes_nothing_over(ledger: Ledger, other: tuple[str, str, date]) -> None:
    run = ledger.begin_run("score", "shop", DAY)
    ledger.begin_run(*other)
    ledger.assert_epoch_current(run)
    assert ledger.run(run.run_id).status == "running"


def test_a_run_ends_once_with_its_reason(ledger: Ledger) -> None:
    good, bad = ledger.begin_run("score", "shop", DAY), ledger.begin_run("features", "shop", DAY)
    assert ledger.finish_run(good).status == "succeeded"
    failed = ledger.fail_run(bad, "the gate is red")
    assert (failed.status, failed.reason) == ("failed", "the gate is red")
    assert failed.finished_at is not None
    assert failed.finished_at > failed.started_at
    assert failed.finished_at.tzname() == "UTC"


def test_a_superseded_run_stays_superseded_when_it_fails(ledger: Ledger) -> None:
    older = ledger.begin_run("score", "shop", DAY)
    ledger.begin_run("score", "shop", DAY)
    assert ledger.fail_run(older, "killed").status == "superseded"


def test_a_failed_run_may_still_be_mended_and_finish(ledger: Ledger) -> None:
    run = ledger.begin_run("score", "shop", DAY)
    ledger.fail_run(run, "the disk was full")
    assert ledger.finish_run(run).status == "succeeded"
    assert ledger.run(run.run_id).reason is None


def test_a_failure_is_open_until_a_later_run_of_the_same_work(ledger: Ledger) -> None:
    failed = ledger.begin_run("score", "shop", DAY)
    ledger.fail_run(failed, "why")
    other = ledger.begin_run("score", "shop", date(2024, 3, 2))
    ledger.finish_run(other)
    assert [run.run_id for run in ledger.open_failures("shop")] == [failed.run_id]
    ledger.finish_run(ledger.begin_run("score", "shop", DAY))
    assert ledger.open_failures("shop") == ()


def test_unknown_runs_are_refused_by_name(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="20240301-000099"):
        ledger.run("20240301-000099")
    ghost = Run("20240301-000099", 99, "score", "shop", DAY, "running", "manual", ledger.clock())
    with pytest.raises(LedgerError, match="20240301-000099"):
        ledger.assert_epoch_current(ghost)


def test_built_days_keep_the_newest_build_of_a_day(ledger: Ledger) -> None:
    for digest in ("first", "second"):
        ledger.record_built_day(ledger.begin_run("features", "shop", DAY), digest)
    later = ledger.begin_run("features", "shop", date(2024, 3, 5))
    ledger.record_built_day(later)
    ledger.record_built_day(ledger.begin_run("features", "shop", date(2024, 3, 3)))
    assert [(day.as_of_date.day, day.features_digest) for day in ledger.built_days("shop")] == [
        (1, "second"),
        (3, None),
        (5, None),
    ]
    assert ledger.newest_built_day("shop") == date(2024, 3, 5)
    assert ledger.newest_built_day("other") is None


def test_a_gate_checked_again_replaces_its_results_and_no_others(ledger: Ledger) -> None:
    run = ledger.begin_run("score", "shop", DAY)
    raw = GateResult("raw", "volume", "rows between", False, column="order_id", observed="0", expected=">0")
    scores = GateResult("scores", "range", "between 0 and 1", True)
    ledger.record_gate_results(run.run_id, [raw, scores])
    ledger.record_gate_results(run.run_id, [GateResult("raw", "volume", "rows between", True)])
    found = ledger.gate_results(run.run_id)
    assert [(result.gate, result.success) for result in found] == [("scores", True), ("raw", True)]
    assert ledger.gate_results("another") == ()


def test_a_gate_result_comes_back_whole(ledger: Ledger) -> None:
    run = ledger.begin_run("score", "shop", DAY)
    result = GateResult("raw", "volume", "rows", False, "order_id", "0", ">0", "no rows", ledger.clock())
    ledger.record_gate_results(run.run_id, [result])
    assert ledger.gate_results(run.run_id) == (result,)


def test_the_runs_of_a_day_come_oldest_first(ledger: Ledger) -> None:
    begun = [ledger.begin_run(kind, "shop", DAY).run_id for kind in ("ingest", "features", "score")]
    ledger.begin_run("score", "shop", date(2024, 3, 2))
    assert [run.run_id for run in ledger.runs_of_day("shop", DAY)] == begun
    assert [run.run_id for run in ledger.recent_runs("shop", 4)][1:] == begun[::-1]
