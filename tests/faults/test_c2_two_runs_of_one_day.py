"""C2: two runs of the same day at once; one publishes, the other steps back, readers see one result."""

import time
from datetime import date

from tests.faults.publishing import ended, in_a_child, rows_of
from tests.warehouse.publish.tiny_build import build_day, fast_home, tiny_settings
from warehouse.errors import Busy, GateFailure, SupersededRun
from warehouse.ledger import Ledger
from warehouse.publish import check, publish
from warehouse.settings import Settings

ROUNDS = 20


def _run_the_day(settings: Settings, day: date, start_at: float) -> None:
    """Do what a scheduled and a manual run both do; step back where the other one has the right."""
    while time.monotonic() < start_at:
        time.sleep(0.001)
    with Ledger.open(settings) as ledger:
        run = ledger.begin_run("score", settings.source, day)
        give_up_at = time.monotonic() + 20
        while True:
            try:
                ledger.assert_epoch_current(run)
                build_day(settings, run)
                publish(settings, ledger, run)
                ledger.finish_run(run)
            except Busy:
                assert time.monotonic() < give_up_at, "waited for long"
                time.sleep(0.01)
            except GateFailure:
                # The other run built over this one; its epoch says who goes on.
                ledger.assert_epoch_current(run)
            except SupersededRun:
                return
            else:
                return


def test_c2_twenty_times_two_runs_at_once_give_one_result() -> None:
    with fast_home() as home:
        settings = tiny_settings(home, threads=1)
        for number in range(ROUNDS):
            day = date(2024, 3, 1 + number)
            start_at = time.monotonic() + 0.05
            both = [in_a_child(lambda: _run_the_day(settings, day, start_at)) for _ in range(2)]  # noqa: B023
            assert [ended(process) for process in both] == [0, 0]
            with Ledger.open(settings) as ledger:
                older, newer = ledger.runs_of_day(settings.source, day)
                assert newer.status == "succeeded"
                # The older one had either finished before the newer began, or stepped back.
                assert older.status in {"superseded", "succeeded"}
                assert check(settings).run_id == newer.run_id
        assert rows_of(settings, "select count(*), count(distinct run_id) from user_risk_tiers_history") == [
            (5 * ROUNDS, ROUNDS)
        ]
