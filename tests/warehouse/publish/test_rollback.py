import pytest

from tests.warehouse.publish.tiny_build import begin_and_build
from warehouse.errors import DamagedFile
from warehouse.ledger import Ledger, LedgerError
from warehouse.publish import check, publish, recover_publishes, rollback, served_run_id
from warehouse.publish.pointer import swap_pointer
from warehouse.settings import Settings


def test_readers_go_back_and_the_next_newer_publish_moves_them_forward(
    settings: Settings, ledger: Ledger
) -> None:
    first, second, third = (begin_and_build(settings, ledger, 0), None, None)
    publish(settings, ledger, first)
    second = begin_and_build(settings, ledger, 1)
    publish(settings, ledger, second)
    rollback(settings, ledger, first.run_id)
    assert check(settings).run_id == first.run_id
    current = ledger.current_publish()
    assert current is not None
    assert current.run_id == first.run_id
    assert ledger.publish_of(second.run_id).rolled_back_at is not None
    publish(settings, ledger, second)
    assert served_run_id(settings) == first.run_id, "a run that was rolled back does not come back by itself"
    third = begin_and_build(settings, ledger, 2)
    assert publish(settings, ledger, third).pointer_moved
    assert ledger.pointer_history() == (
        ("publish", first.run_id),
        ("publish", second.run_id),
        ("rollback", first.run_id),
        ("publish", third.run_id),
    )


def test_a_damaged_snapshot_is_not_rolled_back_to(settings: Settings, ledger: Ledger) -> None:
    first, second = begin_and_build(settings, ledger, 0), None
    path = publish(settings, ledger, first).path / "at_risk_users.csv"
    second = begin_and_build(settings, ledger, 1)
    publish(settings, ledger, second)
    path.chmod(0o600)
    path.write_text("risk_rank\r\n")
    with pytest.raises(DamagedFile, match=r"at_risk_users\.csv"):
        rollback(settings, ledger, first.run_id)
    assert check(settings).run_id == second.run_id


def test_a_run_that_published_nothing_is_refused(settings: Settings, ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="20240301-000077"):
        rollback(settings, ledger, "20240301-000077")


def test_rolling_back_to_where_readers_are_does_nothing(settings: Settings, ledger: Ledger) -> None:
    run = begin_and_build(settings, ledger)
    publish(settings, ledger, run)
    rollback(settings, ledger, run.run_id)
    assert ledger.pointer_history() == (("publish", run.run_id),)


def test_a_rollback_that_a_crash_kept_from_the_ledger_is_recorded_later(
    settings: Settings, ledger: Ledger
) -> None:
    first, second = begin_and_build(settings, ledger, 0), None
    publish(settings, ledger, first)
    second = begin_and_build(settings, ledger, 1)
    publish(settings, ledger, second)
    swap_pointer(settings, first.run_id)
    recover_publishes(settings, ledger)
    assert ledger.pointer_history()[-1] == ("rollback", first.run_id)
    recover_publishes(settings, ledger)
    assert len(ledger.pointer_history()) == 3
