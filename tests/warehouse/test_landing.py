"""Landing: files arrive whole, in the folder of their day, once."""

import datetime as dt
import json
from pathlib import Path

import pytest

from warehouse.errors import ContractBreach
from warehouse.landing import land
from warehouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment(
        {"HOLDFAST_HOME": str(tmp_path / "home"), "HOLDFAST_SOURCE": "corner_shop"}
    )


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def landed_files(settings: Settings) -> set[str]:
    return {str(path.relative_to(settings.landing)) for path in settings.landing.rglob("*") if path.is_file()}


def test_a_file_lands_in_the_folder_of_the_day_in_its_name(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path / "export" / "by-day" / "2024-03-01.csv", "a\n1\n")
    write(tmp_path / "export" / "2024-03-02" / "orders.csv", "a\n2\n")

    landed = land(settings, tmp_path / "export", progress=lambda _: None)

    assert landed_files(settings) == {"2024-03-01/2024-03-01.csv", "2024-03-02/orders.csv"}
    assert (landed.copied, landed.days) == (2, 2)


def test_landing_again_copies_nothing(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path / "export" / "2024-03-01.csv", "a\n1\n")
    land(settings, tmp_path / "export", progress=lambda _: None)

    again = land(settings, tmp_path / "export", progress=lambda _: None)

    assert (again.copied, again.already_there) == (0, 1)


def test_a_changed_file_lands_beside_the_first_one(settings: Settings, tmp_path: Path) -> None:
    delivered = write(tmp_path / "export" / "2024-03-01.csv", "a\n1\n")
    land(settings, tmp_path / "export", progress=lambda _: None)
    delivered.write_text("a\n2\n")

    land(settings, tmp_path / "export", progress=lambda _: None)

    contents = {path.read_text() for path in (settings.landing / "2024-03-01").iterdir()}
    assert contents == {"a\n1\n", "a\n2\n"}


def test_a_file_without_a_day_is_refused_by_name(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path / "export" / "orders.csv", "a\n1\n")

    with pytest.raises(ContractBreach, match=r"orders\.csv.*--day"):
        land(settings, tmp_path / "export", progress=lambda _: None)


@pytest.mark.parametrize("missing", ["nowhere", "empty"])
def test_nothing_to_land_is_an_error(settings: Settings, tmp_path: Path, missing: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(ContractBreach, match="nothing to land"):
        land(settings, tmp_path / missing, progress=lambda _: None)


def test_a_load_of_history_says_so_in_its_manifest(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path / "export" / "orders.csv", "a\n1\n")

    land(settings, tmp_path / "export", day=dt.date(2024, 3, 9), history=True, progress=lambda _: None)

    manifest = json.loads((settings.landing / "2024-03-09" / "_manifest.json").read_text())
    assert manifest["history"] is True
    assert [entry["name"] for entry in manifest["files"]] == ["orders.csv"]
