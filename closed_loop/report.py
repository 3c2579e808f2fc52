"""The loop's results for people and for machines: report.md, summary.json, tables and plots."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from closed_loop.comparison import Reduction
from closed_loop.coverage import FIGURES
from closed_loop.simulated import Lived
from closed_loop.sizes import Size
from closed_loop.targets import Target
from ml.drawing import BLUE, GREEN, INK, ORANGE, SOFT, canvas, save_picture

COLOURS = {"oracle": GREEN, "learned": BLUE, "risk_first": ORANGE}
WORDS = {
    "oracle": "knows the truth",
    "learned": "learned (uplift, linear programme)",
    "risk_first": "risk first (the seeds)",
}


@dataclass(frozen=True)
class Results:
    """Everything that was found.

    Attributes
    ----------
    policies, rounds, experiments, coverage : pandas.DataFrame
        See `closed_loop.comparison` and `closed_loop.coverage`.
    homes : dict of str to dict
        What each home says of its doors, by policy.
    reduction : Reduction or None
        Of churn among treated users of high risk.
    targets : sequence of Target
        What had to be shown.
    seconds : float
        How long it took.
    """

    size: Size
    seed: int
    policies: pd.DataFrame
    rounds: pd.DataFrame
    experiments: pd.DataFrame
    coverage: pd.DataFrame
    homes: Mapping[str, Mapping[str, Any]]
    reduction: Reduction | None
    targets: Sequence[Target]
    seconds: float

    @property
    def is_shown(self) -> bool:
        """Whether every target that is judged is met."""
        return all(target.is_met for target in self.targets if target.is_judged)


def write_results(folder: Path, results: Results, lived: Mapping[str, Lived], alone: Lived) -> None:
    """Write everything into a folder; summary.json comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "policies": results.policies,
        "rounds": results.rounds,
        "experiments": results.experiments,
        "coverage": results.coverage,
    }
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
        table.to_csv(folder / f"{name}.csv", index=False)
    _draw_earnings(folder / "earnings.png", results.size, lived, alone)
    _draw_coverage(folder / "coverage.png", results.coverage)
    (folder / "report.md").write_text(_report(results), encoding="utf-8")
    half = folder / "summary.tmp"
    half.write_text(json.dumps(summary_of(results), indent=1) + "\n", encoding="utf-8")
    half.replace(folder / "summary.json")


def summary_of(results: Results) -> dict[str, Any]:
    """Return the figures of summary.json."""
    values = {target.name: target.value for target in results.targets}
    worlds = len(results.coverage)
    return {
        "size": results.size.name,
        "seed": results.seed,
        "users": results.size.users,
        "days": results.size.loop_days,
        "seconds": round(results.seconds, 1),
        "coverage_of_saved_users": values["coverage of saved users"],
        "coverage_of_net_margin": values["coverage of net margin"],
        "coverage_worlds": worlds,
        "policy_over_risk_first": values["policy over risk first"],
        "policy_over_oracle": values["policy over oracle"],
        "churn_reduction": asdict(results.reduction) if results.reduction else None,
        "contamination": values["contamination"],
        "homes": {name: dict(told) for name, told in results.homes.items()},
        "policies": results.policies.to_dict(orient="records"),
        "targets": [asdict(target) for target in results.targets],
        "is_shown": results.is_shown,
    }


def _report(results: Results) -> str:
    size = results.size
    lines = [
        f"# Closed loop, {size.name}: {size.users:,} users, {size.loop_days} days, seed {results.seed}",
        "",
        "A simulated shop reacts to what the product delivers. The same world without campaigns, with the "
        "same luck, tells what the campaigns really changed.",
        "",
        "## What had to be shown",
        "",
        "| what | found | wanted | |",
        "|---|---|---|---|",
    ]
    for target in results.targets:
        found = "not known" if target.value is None else f"{target.value:,.3g}"
        verdict = ("met" if target.is_met else "MISSED") if target.is_judged else "not judged at this size"
        lines.append(f"| {target.name} | {found} | {target.wanted} | {verdict} |")
    if results.reduction:
        one = results.reduction
        lines += [
            "",
            f"Among {one.users:,} treated users of high risk {one.estimate:.1%} fewer churned within the "
            f"goal days (95 % interval {one.low:.1%} to {one.high:.1%}); the truth is {one.truth:.1%}.",
        ]
    lines += [
        "",
        "## Policies",
        "",
        f"`worth` is the expected margin of what was delivered, by the simulator's laws, contacts paid: luck "
        f"left out. `earned` is what came of it in this one world. Judged: the last {size.judged_days} days.",
        "",
        _table(results.policies),
        "",
        "![What campaigns earned](earnings.png)",
        "",
        "## What the report said of each experiment, and what was true",
        "",
        _table(results.experiments),
        "",
        "## Small worlds",
        "",
        f"{len(results.coverage)} worlds lived twice each; see coverage.csv.",
        "",
        "![Intervals and truth](coverage.png)",
        "",
        f"Took {results.seconds / 60:.1f} minutes.",
        "",
    ]
    return "\n".join(lines)


def _table(frame: pd.DataFrame) -> str:
    if frame.empty:
        return "Nothing."

    def cell(value: object) -> str:
        return f"{value:,.1f}" if isinstance(value, float) else str(value)

    rows = [" | ".join(cell(value) for value in row) for row in frame.itertuples(index=False)]
    head = " | ".join(frame.columns)
    return "\n".join([f"| {head} |", "|" + "---|" * len(frame.columns), *(f"| {row} |" for row in rows)])


def _draw_earnings(path: Path, size: Size, lived: Mapping[str, Lived], alone: Lived) -> None:
    figure = canvas("What campaigns earned above the world without them", panels=2)
    left, right = figure.axes
    first = size.history_days
    for policy, world in lived.items():
        gained = np.cumsum((world.margin - alone.margin - world.cost)[first:])
        left.plot(gained / 1000, color=COLOURS[policy], label=WORDS[policy])
        by_round = world.rounds.groupby("day")["worth"].sum()
        right.plot(by_round.index - first + 1, by_round.to_numpy() / 1000, "o-", color=COLOURS[policy], ms=3)
    left.set_title("earned so far in this world (thousand CNY)", fontsize=9, color=INK, loc="left")
    right.set_title("worth of each round's deliveries, by the laws", fontsize=9, color=INK, loc="left")
    for axes in (left, right):
        axes.axvline(size.loop_days - size.judged_days, color=SOFT, lw=0.8, ls=":")
        axes.set_xlabel("day of the loop", fontsize=9, color=INK)
    left.legend(frameon=False, fontsize=8)
    save_picture(figure, path)


def _draw_coverage(path: Path, coverage: pd.DataFrame) -> None:
    figure = canvas("The report's 95 % intervals, less the truth, in small worlds", panels=2)
    for axes, figure_name in zip(figure.axes, FIGURES, strict=True):
        ordered = coverage.sort_values(figure_name).reset_index(drop=True)
        truth = ordered[f"{figure_name}_truth"]
        is_covered = ordered[f"{figure_name}_covered"].to_numpy(dtype=bool)
        for chosen, colour in ((is_covered, BLUE), (~is_covered, ORANGE)):
            low, high = ((ordered[f"{figure_name}_{end}"] - truth)[chosen] for end in ("low", "high"))
            axes.vlines(np.flatnonzero(chosen), low, high, color=colour, lw=1.2)
        axes.axhline(0, color=INK, lw=0.8)
        axes.set_title(figure_name.replace("_", " "), fontsize=9, color=INK, loc="left")
        axes.set_xlabel("worlds, by estimate", fontsize=9, color=INK)
    save_picture(figure, path)
