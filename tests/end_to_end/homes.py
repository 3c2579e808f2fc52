"""A small shop's home, copies of it, and checksums over what it publishes."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb

from warehouse.publish import PUBLISHED_TABLES
from warehouse.settings import REPOSITORY, Settings

# Small enough to be quick, large enough that no ordinary day is far from the usual. A horizon of 60
# days leaves one snapshot to learn from.
USERS, DAYS, SEED = 900, 130, 7
FIRST, SECOND, LAST = date(2026, 3, 18), date(2026, 3, 20), date(2026, 3, 21)
HORIZON_DAYS = 60
# Who competes, without a search: these tests ask whether the line goes through, not who wins.
QUICK_TRAINING = {
    "HOLDFAST_CANDIDATES": "recency_rule,rfm_logistic,logistic_regression",
    "HOLDFAST_SEARCH_TRIALS": "0",
}
# What differs between two runs of one day that are otherwise the same.
OF_THE_RUN = ("run_id", "epoch")


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a process that works on a home."""
    foreign = ("HOLDFAST_", "AIRFLOW", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {
        "HOLDFAST_HOME": str(home),
        "HOLDFAST_SOURCE": "sample_shop",
        "HOLDFAST_DEFINITION": f"paid_order_{HORIZON_DAYS}d",
        "HOLDFAST_MEMORY_LIMIT": "1GB",
        **QUICK_TRAINING,
        **more,
    }


def settings_of(home: Path) -> Settings:
    """Return the settings that processes working on a home have."""
    return Settings.from_environment(environment(home))


def command(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one of the product's modules to its end; `more` is added to its environment."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=REPOSITORY,
        env=environment(home, **more),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def must(home: Path, *arguments: str, **more: str) -> str:
    """Run one of the product's modules; it must succeed. Returns what it printed."""
    done = command(home, *arguments, **more)
    assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


def simulate(home: Path, users: int = USERS, days: int = DAYS) -> None:
    """Deliver a small simulated shop through LAST and prepare the home."""
    shop = ["--users", str(users), "--days", str(days), "--seed", str(SEED), "--last-day", LAST.isoformat()]
    must(home, "sample_shop", *shop, "--home", str(home))
    must(home, "warehouse", "prepare")


def made_once(base: Path, name: str, make: Callable[[Path], None]) -> Path:
    """Return a home that is made the first time it is asked for; tests only copy it."""
    home, unfinished = base / name, base / f"{name}.unfinished"
    if not home.exists():
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        make(unfinished)
        unfinished.rename(home)
    return home


def copy_of(home: Path, target: Path) -> Path:
    """Copy a home; tests change copies."""
    shutil.copytree(home, target, symlinks=True, dirs_exist_ok=True)
    return target


def current(home: Path) -> Path:
    """Return the snapshot that readers are served."""
    return (home / "published" / "current").resolve(strict=True)


def snapshot(home: Path, day: date) -> Path:
    """Return the newest snapshot of a day."""
    found = sorted((home / "published" / "snapshots").glob(f"{day:%Y%m%d}-*"))
    assert found, f"{day} was never published"
    return found[-1]


def digest(folder: Path, *but: str, where: str = "true") -> dict[str, str]:
    """Return a checksum per published table, rows ordered, without what names the run.

    Parameters
    ----------
    folder : Path
        A snapshot.
    *but : str
        Tables that are left out.
    where : str
        A condition on the rows of tables that keep the day.
    """
    return {name: checksum for name, checksum, _ in _tables(folder, where) if name not in but}


def counts(folder: Path) -> dict[str, int]:
    """Return the rows of every published table."""
    return {name: rows for name, _, rows in _tables(folder, "true")}


def names_in(folder: Path) -> set[str]:
    """Return every relation that readers can see in a snapshot."""
    with duckdb.connect(str(folder / "holdfast.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "select table_name from information_schema.tables where table_catalog = 'holdfast'"
        ).fetchall()
    return {name for (name,) in found}


def manifest_of(folder: Path) -> dict[str, dict[str, dict[str, object]]]:
    """Return a snapshot's manifest as marketing tools read it."""
    content: dict[str, dict[str, dict[str, object]]] = json.loads((folder / "manifest.json").read_text())
    return content


def _tables(folder: Path, where: str) -> Iterator[tuple[str, str, int]]:
    with duckdb.connect(str(folder / "holdfast.duckdb"), read_only=True) as connection:
        for table in PUBLISHED_TABLES:
            names = [name for name, *_ in connection.execute(f"describe {table.name}").fetchall()]
            kept = ", ".join(f'"{name}"' for name in names if name not in OF_THE_RUN)
            condition = where if table.day_column == "as_of_date" else "true"
            rows = connection.execute(
                f"select {kept} from {table.name} where {condition} order by all"
            ).fetchall()
            yield table.name, hashlib.sha256(repr(rows).encode()).hexdigest(), len(rows)
