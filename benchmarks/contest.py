"""The whole contest on a large shop's rows: every candidate, the search, and what they cost."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from benchmarks.measure import in_own_process
from benchmarks.report import Figure, Section
from benchmarks.scoring import FEATURES, HORIZON, blocks
from ml.calendar import plan_snapshots
from ml.candidates import CANDIDATES
from ml.dataset import Snapshots
from ml.features import discover_features
from ml.search import SearchRules
from ml.training import TrainingRules, learn

ROWS = 200_000
TRIALS = 30
TRAINED_AS_OF = date(2025, 6, 29)
FIRST_DATA_DAY = date(2023, 1, 1)
# The promise: twenty minutes and 6 GB on 2 cores.
MOST_SECONDS = 20 * 60
MOST_MEGABYTES = 6 * 1024
SQL_TYPES = {"object": "VARCHAR", "str": "VARCHAR", "bool": "BOOLEAN", "int64": "BIGINT", "float64": "DOUBLE"}
NO_INPUTS = ["as_of_date", "user_id", "is_eligible", "churned"]


@dataclass(frozen=True)
class Course:
    """What a contest took, and what each of its steps said."""

    seconds: float
    megabytes: float
    winner: str
    lines: tuple[tuple[str, float], ...]


def measure_contest(rows: int = ROWS, trials: int = TRIALS, features: int = FEATURES) -> Section:
    """Hold the contest in a process of its own."""
    course: Course = in_own_process(hold, rows, trials, features)
    figures = (
        Figure("the whole contest", course.seconds, MOST_SECONDS, "s", 1.0, "allowed"),
        Figure("peak memory", course.megabytes, MOST_MEGABYTES, "MiB", 1.0, "allowed"),
    )
    text = (
        f"{rows:,} made-up rows × {features} features in the snapshots of a plan, {len(CANDIDATES)} "
        f"candidates, {trials} trials; then the winner ({course.winner}) is fitted on the newest snapshots "
        "and calibrated on held-out users. Seconds per step:"
    )
    table = tuple([line, f"{seconds:.1f}"] for line, seconds in course.lines)
    return Section("The contest", text, figures=figures, details=((("step", "s"), table),))


def hold(rows: int, trials: int, features: int) -> Course:
    """Make the rows up, hold the contest, and time every step."""
    plan = plan_snapshots(TRAINED_AS_OF, HORIZON, FIRST_DATA_DAY)
    snapshots = made_up_snapshots(plan.snapshots, rows, features)
    lines: list[tuple[str, float]] = []
    progress = _clocked(lines)
    began = time.monotonic()
    rules = TrainingRules(search=SearchRules(trials=trials), rows_at_most=rows)
    outcome = learn(snapshots, plan, rules=rules, progress=progress)
    seconds = time.monotonic() - began
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Course(seconds, megabytes, outcome.model.candidate, tuple(lines))


def made_up_snapshots(days: list[date], rows: int, features: int) -> Snapshots:
    """Return labelled rows: churn follows from silence, purchases and one count, with noise."""
    frame = pd.concat(list(blocks(rows, features)), ignore_index=True)
    place = np.arange(len(frame)) % len(days)
    frame["as_of_date"] = np.array(days, dtype=object)[place]
    random = np.random.default_rng(1)
    log_odds = 0.01 * frame["days_since_last_paid_order"] - 0.4 * frame["paid_days_lifetime"]
    log_odds = log_odds - 0.3 * frame["count_0"] + 0.005 * frame["amount_1"]
    churned = random.random(len(frame)) < 1 / (1 + np.exp(-log_odds))
    frame["churned"] = churned.astype(np.int64)
    schema = [
        (str(name), SQL_TYPES[str(kind)]) for name, kind in frame.dtypes.items() if name not in NO_INPUTS
    ]
    return Snapshots(frame, discover_features(schema), len(frame))


def _clocked(lines: list[tuple[str, float]]) -> Callable[[str], None]:
    """Return a progress callback that keeps each line with the seconds since the one before."""
    last = time.monotonic()

    def say(line: str) -> None:
        nonlocal last
        now = time.monotonic()
        lines.append((line, now - last))
        last = now
        print(f"  {line}", flush=True)

    return say
