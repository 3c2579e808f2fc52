"""A writer that is killed anywhere shows no half list; the next one ends with each message on one list."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from campaigns.lists import write_lists
from campaigns.lists.folders import read_folder
from tests.campaigns.lists.makers import DAY, NOW, give_phones, outbox_message, release, settings_of
from tests.faults.publishing import delays, killed_after, killed_at_change
from warehouse.ledger import Ledger
from warehouse.settings import Settings


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a released call list and drop, nothing written yet."""
    home = tmp_path_factory.mktemp("pristine")
    settings = settings_of(home)
    with Ledger(settings.ledger_url, lambda: NOW) as ledger:
        run = ledger.begin_run("campaigns", "shop", DAY)
        release(ledger, [outbox_message(f"f{number}", "file", run) for number in range(5)])
        release(ledger, [outbox_message(f"c{number}", "call", run, "service_call") for number in range(3)])
    give_phones(settings, {f"c{number}": str(number) for number in range(3)})
    return home


def copy_of(pristine: Path, home: Path) -> Settings:
    shutil.copytree(pristine, home)
    return settings_of(home)


def write(settings: Settings) -> None:
    with Ledger(settings.ledger_url, lambda: NOW) as ledger:
        (run,) = ledger.runs_of_day("shop", DAY)
        write_lists(settings, ledger, run, now=NOW, environment={})


def visible(settings: Settings) -> list[Path]:
    """Return the folders of lists that a reader finds, and make sure that each is whole."""
    root = settings.home / "lists" / "shop"
    found = [path for path in root.glob("**/run_id=*") if not path.name.startswith(".")]
    for folder in found:
        read_folder(folder)
    for file in root.rglob("*"):
        if file.is_file() and file.name != ".lock":
            hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
            assert hidden or any(folder in file.parents for folder in found), file
    return found


def assert_converged(settings: Settings) -> None:
    write(settings)
    folders = visible(settings)
    assert len(folders) == 2
    ids = [
        row["message_id"]
        for folder in folders
        for file in folder.glob("full/*.parquet")
        for row in pq.read_table(file).to_pylist()
    ]
    calls = [folder for folder in folders if "calls" in folder.parts]
    assert len(ids) == len(set(ids)) == 5
    assert [read_folder(folder)["rows"] for folder in calls] == [3]
    with Ledger(settings.ledger_url, lambda: NOW) as ledger:
        assert [message.state for message in ledger.messages("shop")] == ["sent"] * 8
    left = [path.name for path in (settings.home / "lists").rglob(".*") if path.name != ".lock"]
    assert left == []


def test_killed_just_before_any_change_to_the_disk(pristine: Path, tmp_path: Path) -> None:
    number, kills = 0, 0
    while True:
        number += 2
        settings = copy_of(pristine, tmp_path / str(number))
        code = killed_at_change(lambda settings=settings: write(settings), number)  # type: ignore[misc]
        visible(settings)
        assert_converged(settings)
        shutil.rmtree(settings.home)
        if code == 0:
            break
        kills += 1
    assert kills >= 10


def test_killed_at_random_moments(pristine: Path, tmp_path: Path) -> None:
    settings = copy_of(pristine, tmp_path / "home")
    for delay in delays(8, 0.4):
        killed_after(lambda: write(settings), delay)
        visible(settings)
    assert_converged(settings)
