"""Snapshots follow the pointer, are shared, leased, and closed by their last reader."""

import threading
from pathlib import Path

import pytest

from serving import snapshots as module
from serving.problems import Problem
from serving.settings import ServingSettings
from serving.snapshots import Snapshots
from tests.serving.served import publish_day, serving_settings
from warehouse.errors import DamagedFile
from warehouse.publish.retention import _is_leased


@pytest.fixture
def settings(tmp_path: Path) -> ServingSettings:
    return serving_settings(tmp_path)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the pointer on every reading."""
    monkeypatch.setattr(module, "LOOK_EVERY_SECONDS", 0.0)


def run_ids(snapshot: module.Snapshot) -> set[str]:
    return {row["run_id"] for row in snapshot.rows("select run_id from run_info")}


def test_a_snapshot_says_which_run_it_is(settings: ServingSettings) -> None:
    published = publish_day(settings, 0)
    with Snapshots(settings).reading() as snapshot:
        assert snapshot.run_id == published.run_id == snapshot.manifest.run_id
        assert (snapshot.as_of_date, snapshot.model_version) == (published.as_of_date, "model-1")
        assert run_ids(snapshot) == {published.run_id}
        assert snapshot.rows("select ? as asked", ["x"]) == [{"asked": "x"}]
        assert snapshot.rows("select $a as asked", {"a": 1}) == [{"asked": 1}]


def test_a_publish_is_followed_and_the_old_file_is_closed(settings: ServingSettings, at_once: None) -> None:
    first = publish_day(settings, 0)
    read = Snapshots(settings)
    with read.reading() as snapshot:
        assert snapshot.run_id == first.run_id
    second = publish_day(settings, 1)
    with read.reading() as snapshot:
        assert run_ids(snapshot) == {second.run_id}
    assert read.open_run_ids() == (second.run_id,)


def test_the_pointer_is_looked_at_once_a_second(
    settings: ServingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_day(settings, 0)
    looks = []
    real = module.current_snapshot
    monkeypatch.setattr(module, "current_snapshot", lambda one: looks.append(1) or real(one))
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    read = Snapshots(settings)
    for _ in range(50):
        with read.reading():
            pass
    assert len(looks) == 1
    now += 1.01
    with read.reading():
        assert len(looks) == 2


def test_who_reads_keeps_what_they_began_with_until_they_are_done(
    settings: ServingSettings, at_once: None
) -> None:
    first = publish_day(settings, 0)
    read = Snapshots(settings)
    with read.reading() as old:
        second = publish_day(settings, 1)
        with read.reading() as new:
            assert (run_ids(old), run_ids(new)) == ({first.run_id}, {second.run_id})
        assert read.open_run_ids() == (first.run_id, second.run_id)
        assert _is_leased(first.path / "manifest.json")
    assert read.open_run_ids() == (second.run_id,)
    assert not _is_leased(first.path / "manifest.json")
    assert _is_leased(second.path / "manifest.json")
    read.close()
    assert read.open_run_ids() == ()
    assert not _is_leased(second.path / "manifest.json")


def test_before_the_first_publish_it_says_what_to_do(settings: ServingSettings) -> None:
    read = Snapshots(settings)
    with pytest.raises(DamagedFile, match="Nothing is published") as caught, read.reading():
        pass
    assert "make demo" in caught.value.remedy
    published = publish_day(settings, 0)
    with read.reading() as snapshot:
        assert snapshot.run_id == published.run_id


def test_a_pointer_that_leads_nowhere_is_told_and_nothing_old_is_served(
    settings: ServingSettings, at_once: None
) -> None:
    published = publish_day(settings, 0)
    read = Snapshots(settings)
    with read.reading():
        pass
    current = settings.warehouse.published / "current"
    current.unlink()
    current.symlink_to("snapshots/gone")
    with pytest.raises(DamagedFile, match="points to a snapshot that is gone"), read.reading():
        pass
    current.unlink()
    current.symlink_to(f"snapshots/{published.run_id}")
    with read.reading() as snapshot:
        assert snapshot.run_id == published.run_id


def test_a_kept_run_is_read_by_its_name_and_closed_after_a_while(
    settings: ServingSettings, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = publish_day(settings, 0), publish_day(settings, 1)
    read = Snapshots(settings)
    with read.reading(first.run_id) as snapshot, read.reading() as served:
        assert (run_ids(snapshot), run_ids(served)) == ({first.run_id}, {second.run_id})
    assert read.open_run_ids() == (first.run_id, second.run_id), "its next page is asked for soon"
    monkeypatch.setattr(module, "NAMED_KEPT_SECONDS", -1.0)
    with read.reading(first.run_id):
        pass
    assert read.open_run_ids() == (second.run_id,)


@pytest.mark.parametrize("name", ["20240301-000009", "../current", "", ".", "current", "x" * 99, "a\0b"])
def test_runs_that_are_not_kept_are_not_found(settings: ServingSettings, name: str) -> None:
    publish_day(settings, 0)
    with pytest.raises(Problem) as caught, Snapshots(settings).reading(name):
        pass
    assert (caught.value.status, caught.value.code) == (404, "not_found")


def test_a_query_that_takes_too_long_is_stopped_and_others_are_not(tmp_path: Path) -> None:
    settings = serving_settings(tmp_path, query_seconds=0.3)
    publish_day(settings, 0)
    endless = "select sum(a.range * b.range) as s from range(10000000) a, range(10000000) b"
    with Snapshots(settings).reading() as snapshot:
        with pytest.raises(Problem) as caught:
            snapshot.rows(endless)
        assert (caught.value.status, caught.value.code) == (503, "query_took_too_long")
        assert snapshot.rows("select 1 as one") == [{"one": 1}]
        with snapshot.cursor() as cursor, pytest.raises(Problem), snapshot.limited(cursor):
            cursor.execute(endless)


def test_threads_that_read_through_publishes_each_see_one_run(
    settings: ServingSettings, at_once: None
) -> None:
    publish_day(settings, 0)
    read, stop, seen, faults = Snapshots(settings), threading.Event(), set(), []

    def hammer() -> None:
        try:
            while not stop.is_set():
                with read.reading() as snapshot:
                    if run_ids(snapshot) != {snapshot.run_id}:
                        faults.append(snapshot.run_id)
                    seen.add(snapshot.run_id)
        except Exception as error:  # noqa: BLE001  whatever it is, the test tells
            faults.append(error)

    readers = [threading.Thread(target=hammer) for _ in range(4)]
    for reader in readers:
        reader.start()
    published = [publish_day(settings, number) for number in range(1, 6)]
    with read.reading():
        stop.set()
    for reader in readers:
        reader.join(60)
    assert faults == []
    assert len(seen) >= 3
    assert read.open_run_ids() == (published[-1].run_id,)
