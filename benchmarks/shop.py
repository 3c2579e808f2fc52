"""Deliveries of a simulated shop, handed to a home as many days as a benchmark asks for."""

import datetime as dt
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Cost, run_stage
from warehouse.settings import Settings

FIRST_DAY = dt.date(2025, 1, 1)
# days that are simulated beyond the history, to be added one by one
DAYS_TO_ADD = 7


@dataclass(frozen=True)
class Shop:
    """A simulated shop whose deliveries lie in a folder of their own.

    Attributes
    ----------
    folder : Path
        Holds the deliveries of every simulated day.
    users : int
        Who sign up within `days`.
    days : int
        Days of history.
    """

    folder: Path
    users: int
    days: int

    def simulate(self) -> Cost:
        """Simulate the history and the days to add; days that are there are left as they are."""
        command = [sys.executable, "-m", "sample_shop", "--users", str(self.users), "--days", str(self.days)]
        command += ["--first-day", str(FIRST_DAY), "--last-day", str(self.day(self.days + DAYS_TO_ADD))]
        command += ["--home", str(self.folder)]
        return run_stage("simulate", command, environment={}, writes_to=self.folder)

    def day(self, number: int) -> dt.date:
        """Return the date of a day; the shop's first day is number 1."""
        return FIRST_DAY + dt.timedelta(days=number - 1)

    def deliver(self, settings: Settings, first: int, last: int) -> None:
        """Hand days over: link their files into the landing folder, each day visible at once."""
        settings.landing.mkdir(parents=True, exist_ok=True)
        for number in range(first, last + 1):
            day = str(self.day(number))
            half = settings.landing / f".{day}.half"
            shutil.copytree(self._landing / day, half, copy_function=os.link)
            half.rename(settings.landing / day)

    def rows(self, table: str, first: int, last: int) -> int:
        """Return the rows delivered for a table over some days, as the manifests count them."""
        total = 0
        for number in range(first, last + 1):
            manifest = self._landing / str(self.day(number)) / "_manifest.json"
            listed = json.loads(manifest.read_text(encoding="utf-8"))["files"]
            total += sum(file["rows"] for file in listed if file["name"].split(".")[0] == table)
        return total

    @property
    def _landing(self) -> Path:
        return self.folder / "landing" / "sample_shop"


def environment_of(home: Path, threads: int = 2) -> dict[str, str]:
    """Return the environment in which the pipeline works on `home`."""
    return {"HOLDFAST_HOME": str(home), "HOLDFAST_SOURCE": "sample_shop", "HOLDFAST_THREADS": str(threads)}


def settings_of(home: Path) -> Settings:
    """Return the settings of the pipeline working on `home`."""
    return Settings.from_environment(environment_of(home))
