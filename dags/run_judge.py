"""Replay the past and let a judge see the scores: ``python -m dags.run_judge --judge judge_scores.py``.

For every test date of every horizon the features and labels are built as they were known on that evening, the
whole contest is held on them, and everybody eligible is scored. The scores go to ``judge/scores_h30.csv`` and
so on under HOLDFAST_HOME; the judge is then run on them. Nothing that was scored, tiered or published before
is touched, and no model is registered.
"""

import argparse
import datetime as dt
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dags.wiring.one_at_a_time import only_one
from warehouse.definitions import Definition, load_definitions
from warehouse.errors import Busy, ContractBreach, HoldfastError
from warehouse.ledger import Ledger
from warehouse.settings import Settings

FAILED, TRY_AGAIN = 1, 75
HORIZONS = (30, 60, 90)
# Three dates a month apart: the newest on which a horizon is complete, and the two before it.
DATES, DAYS_BETWEEN = 3, 30
# as the DAGs build them: with the tests of the data, without the unit tests of the SQL
BUILD = ("build", "--quiet", "--exclude-resource-type", "unit_test", "--selector")


@dataclass(frozen=True)
class Replay:
    """One evening to stand on, and the definition of churn to score by."""

    as_of_date: dt.date
    definition: Definition


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay and judge; returns 0, the judge's own status if that is another, 1 on failure, 75 when busy."""
    parser = argparse.ArgumentParser(prog="python -m dags.run_judge", description=__doc__)
    parser.add_argument(
        "--judge", type=Path, help="the judge's script; without it the scores are only written"
    )
    parser.add_argument("--transactions", type=Path, help="the judge's; tx_<source>.* beside it if left out")
    parser.add_argument("--horizons", type=int, nargs="+", default=list(HORIZONS), help="days (30 60 90)")
    parser.add_argument(
        "--dates", type=dt.date.fromisoformat, nargs="+", help="test dates for every horizon, YYYY-MM-DD"
    )
    parser.add_argument(
        "--data-end", type=dt.date.fromisoformat, help="last complete day; the one before the newest delivery"
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything random (0)")
    asked = parser.parse_args(arguments)
    try:
        settings = Settings.from_environment()
        with only_one(settings.home):
            return _run(settings, asked)
    except Busy as busy:
        print(busy, file=sys.stderr)
        return TRY_AGAIN
    except HoldfastError as error:
        print(error, file=sys.stderr)
        return FAILED


def planned_replays(
    definitions: Sequence[Definition],
    horizons: Sequence[int],
    data_end: dt.date,
    dates: Sequence[dt.date] | None = None,
) -> list[Replay]:
    """Return what to replay: the dates given, or three per horizon, newest first.

    Raises
    ------
    ContractBreach
        If no definition waits for a paid order that long, or a date's window is not complete.
    """
    replays = []
    for horizon in horizons:
        everybody = [
            one
            for one in definitions
            if (one.label_kind, one.horizon_days) == ("paid_order", horizon)
            and (one.fewest_paid_days, one.most_paid_days) == (1, None)
        ]
        if not everybody:
            raise ContractBreach(
                f"No definition of churn waits {horizon} days for a paid order",
                None,
                "add a line to dbt_project/seeds/churn_definitions.csv",
            )
        newest = data_end - dt.timedelta(days=horizon)
        for day in dates or [newest - dt.timedelta(days=DAYS_BETWEEN * number) for number in range(DATES)]:
            if day > newest:
                raise ContractBreach(
                    f"The {horizon} days after {day} are not complete",
                    f"the data end on {data_end}",
                    f"use dates up to {newest}",
                )
            replays.append(Replay(day, everybody[0]))
    return replays


def _run(settings: Settings, asked: argparse.Namespace) -> int:
    from ml.replay import score_replay, snapshots_of_replays
    from warehouse.dbt_project import dbt_vars, run_dbt
    from warehouse.ingest import ingest
    from warehouse.past_days import build_past_days

    with Ledger.open(settings) as ledger:
        report = ingest(settings, ledger)
    if report.newest_delivery_date is None:
        raise ContractBreach(f"No delivery of {settings.source} was accepted yet", None, "land one first")
    data_end = asked.data_end or report.newest_delivery_date - dt.timedelta(days=1)
    definitions = load_definitions(settings.dbt_project)
    replays = planned_replays(definitions, asked.horizons, data_end, asked.dates)
    evenings = sorted({replay.as_of_date for replay in replays})
    print(
        f"replaying {len(replays)} evenings from {evenings[0]} to {evenings[-1]}; the data end on {data_end}"
    )
    # the build file has no table that says from when on data are there before the features are built once
    build_past_days(settings, evenings)
    snapshots = snapshots_of_replays(settings, [(one.as_of_date, one.definition) for one in replays])
    print(f"building the features of {len(snapshots)} snapshots to learn from")
    build_past_days(settings, snapshots)
    run_dbt(settings, [*BUILD, "labels"], dbt_vars(settings, evenings))
    folder = settings.home / "judge"
    folder.mkdir(parents=True, exist_ok=True)
    status = 0
    for horizon in asked.horizons:
        mine = [one for one in replays if one.definition.horizon_days == horizon]
        path = folder / f"scores_h{horizon}.csv"
        frames = []
        for number, replay in enumerate(mine, start=1):
            began = time.monotonic()
            scores, told = score_replay(settings, replay.as_of_date, replay.definition, seed=asked.seed)
            frames.append(scores)
            seconds = time.monotonic() - began
            place = f"[H={horizon} {number}/{len(mine)}]"
            print(f"{place} {replay.as_of_date}: {told} ({seconds:.0f} s)", flush=True)
        _write(path, frames)
        print(f"wrote {path}")
        if asked.judge is not None:
            transactions = asked.transactions or _beside(asked.judge, settings.source)
            command = [sys.executable, str(asked.judge), str(path), str(transactions)]
            command += ["--horizon", str(horizon), "--eligible", str(mine[0].definition.active_within_days)]
            command += ["--data-end", str(data_end)]
            print(f"\n$ {' '.join(command)}", flush=True)
            status = max(status, subprocess.run(command, check=False).returncode)
    return status


def _write(path: Path, frames: list[Any]) -> None:
    import pandas as pd

    half = path.with_suffix(".part")
    pd.concat(frames).to_csv(half, index=False)
    half.replace(path)


def _beside(judge: Path, source: str) -> Path:
    found = sorted(judge.parent.glob(f"tx_{source}.*"))
    if not found:
        raise ContractBreach(
            f"There are no transactions tx_{source}.* beside {judge}", None, "name them: TRANSACTIONS=<file>"
        )
    return found[0]


if __name__ == "__main__":
    sys.exit(main())
