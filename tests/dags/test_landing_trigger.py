import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from dags.wiring.landing_trigger import LandedDeliveries, Look, folder_signatures
from warehouse.settings import Settings


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "landing" / "sample_shop"
    folder.mkdir(parents=True)
    return folder


def deliver(landing: Path, day: str, *names: str) -> Path:
    folder = landing / day
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text("id\n1\n")
    return folder


def looking(landing: Path) -> Look:
    return Look(lambda: folder_signatures(landing))


def test_a_whole_delivery_is_announced_once_when_it_has_come_to_rest(landing: Path) -> None:
    look = looking(landing)
    deliver(landing, "2026-06-01", "orders.csv")
    assert [look.newly_complete() for _ in range(4)] == [[], ["2026-06-01"], [], []]


def test_a_growing_file_is_waited_for(landing: Path) -> None:
    look = looking(landing)
    file = deliver(landing, "2026-06-01", "orders.csv") / "orders.csv"
    for _ in range(3):
        assert look.newly_complete() == []
        with file.open("a") as stream:
            stream.write("2\n")
    assert look.newly_complete() == []
    assert look.newly_complete() == ["2026-06-01"]


@pytest.mark.parametrize("unfinished", ["orders.csv.part", "orders.csv.tmp", ".orders.csv.part"])
def test_a_folder_with_a_half_written_file_is_waited_for(landing: Path, unfinished: str) -> None:
    look = looking(landing)
    folder = deliver(landing, "2026-06-01", "users.csv", unfinished)
    assert [look.newly_complete() for _ in range(3)] == [[], [], []]
    (folder / unfinished).rename(folder / "orders.csv")
    assert [look.newly_complete() for _ in range(2)] == [[], ["2026-06-01"]]


def test_what_the_manifest_lists_is_waited_for(landing: Path) -> None:
    look = looking(landing)
    folder = deliver(landing, "2026-06-01", "users.csv")
    manifest = {"files": [{"name": "users.csv"}, {"name": "orders.csv"}]}
    (folder / "_manifest.json").write_text(json.dumps(manifest))
    assert [look.newly_complete() for _ in range(3)] == [[], [], []]
    deliver(landing, "2026-06-01", "orders.csv")
    assert [look.newly_complete() for _ in range(2)] == [[], ["2026-06-01"]]


@pytest.mark.parametrize("names", [(), ("_manifest.json",), (".hidden",), ("_notes.txt",)])
def test_a_folder_without_a_delivered_file_is_no_delivery(landing: Path, names: tuple[str, ...]) -> None:
    deliver(landing, "2026-06-01", *names)
    assert folder_signatures(landing) == {}


def test_a_delivery_that_is_mended_is_announced_again(landing: Path) -> None:
    look = looking(landing)
    deliver(landing, "2026-06-01", "orders.csv")
    deliver(landing, "2026-06-02", "orders.csv")
    assert [look.newly_complete() for _ in range(2)] == [[], ["2026-06-01", "2026-06-02"]]
    deliver(landing, "2026-06-01", "users.csv")
    assert [look.newly_complete() for _ in range(3)] == [[], ["2026-06-01"], []]


def test_a_landing_folder_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    assert folder_signatures(tmp_path / "nowhere") == {}


def test_the_trigger_fires_for_the_active_source(landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_HOME", str(landing.parent.parent))
    assert Settings.from_environment().landing == landing
    deliver(landing, "2026-06-01", "orders.csv")

    async def first_event() -> Any:
        events = LandedDeliveries(poll_seconds=0.01).run()
        return await asyncio.wait_for(anext(events), timeout=10)

    event = asyncio.run(first_event())
    assert event.payload == {"source": "sample_shop", "newest": "2026-06-01", "deliveries": 1}


def test_the_triggerer_can_make_the_trigger_again() -> None:
    path, arguments = LandedDeliveries(poll_seconds=2.5).serialize()
    module, _, name = path.rpartition(".")
    assert (module, name) == (LandedDeliveries.__module__, LandedDeliveries.__qualname__)
    assert LandedDeliveries(**arguments).poll_seconds == 2.5
