import stat

import duckdb

from tests.warehouse.publish.tiny_build import begin_and_build, tiny_settings
from warehouse.ledger import Ledger
from warehouse.publish import check, lease, publish, rollback
from warehouse.settings import Settings


def snapshots(settings: Settings) -> set[str]:
    return {path.name for path in (settings.published / "snapshots").iterdir()}


def few(settings: Settings) -> Settings:
    return tiny_settings(settings.home, snapshots_kept=3)


def test_the_newest_snapshots_stay(settings: Settings, ledger: Ledger) -> None:
    runs = []
    for day_number in range(6):
        runs.append(begin_and_build(settings, ledger, day_number))
        publish(few(settings), ledger, runs[-1])
    assert snapshots(settings) == {run.run_id for run in runs[-3:]}


def test_what_is_served_stays_however_old(settings: Settings, ledger: Ledger) -> None:
    runs = [begin_and_build(settings, ledger, 0)]
    publish(few(settings), ledger, runs[0])
    for day_number in range(1, 3):
        runs.append(begin_and_build(settings, ledger, day_number))
        publish(few(settings), ledger, runs[-1])
    rollback(settings, ledger, runs[0].run_id)
    for day_number in range(3, 7):
        runs.append(begin_and_build(settings, ledger, day_number))
        publish(few(settings), ledger, runs[-1], move_pointer=False)
    assert check(settings).run_id == runs[0].run_id


def test_a_backfill_does_not_push_out_what_a_rollback_needs(settings: Settings, ledger: Ledger) -> None:
    served = []
    for day_number in (20, 21):
        served.append(begin_and_build(settings, ledger, day_number))
        publish(few(settings), ledger, served[-1])
    for day_number in range(8):
        publish(few(settings), ledger, begin_and_build(settings, ledger, day_number))
    assert {run.run_id for run in served} <= snapshots(settings)
    assert len(snapshots(settings)) == 2 + 3


def test_a_leased_snapshot_stays_until_it_is_let_go(settings: Settings, ledger: Ledger) -> None:
    first = publish(few(settings), ledger, begin_and_build(settings, ledger, 0))
    with lease(first.path):
        for day_number in range(1, 5):
            publish(few(settings), ledger, begin_and_build(settings, ledger, day_number))
        assert first.run_id in snapshots(settings)
    publish(few(settings), ledger, begin_and_build(settings, ledger, 5))
    assert first.run_id not in snapshots(settings)


def test_an_open_cursor_keeps_its_rows_when_its_snapshot_is_removed(
    settings: Settings, ledger: Ledger
) -> None:
    first = publish(few(settings), ledger, begin_and_build(settings, ledger, 0))
    with duckdb.connect(first.path / "holdfast.duckdb", read_only=True) as connection:
        for day_number in range(1, 6):
            publish(few(settings), ledger, begin_and_build(settings, ledger, day_number))
        assert connection.execute("select distinct run_id from user_risk_tiers").fetchall() == [
            (first.run_id,)
        ]


def test_leftovers_of_a_crash_are_removed_by_the_next_publish(settings: Settings, ledger: Ledger) -> None:
    first = publish(settings, ledger, begin_and_build(settings, ledger, 0))
    leftover = settings.published / "snapshots" / ".20240301-000099.tmp"
    leftover.mkdir()
    (leftover / "holdfast.duckdb").write_text("half")
    (settings.published / ".current.4711").symlink_to("snapshots/nowhere")
    second = publish(settings, ledger, begin_and_build(settings, ledger, 1))
    assert snapshots(settings) == {first.run_id, second.run_id}
    assert not (settings.published / ".current.4711").is_symlink()


def test_published_files_are_for_their_owner_and_not_for_writing(settings: Settings, ledger: Ledger) -> None:
    path = publish(settings, ledger, begin_and_build(settings, ledger)).path
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()}
    assert set(modes.values()) == {0o400}
    assert len(modes) == 5
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
