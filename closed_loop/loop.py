"""Every world of a size: lived, compared, and told."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from campaigns.policy import load_policy
from closed_loop.comparison import churn_reduction, policy_table, report_against_truth, round_table
from closed_loop.coverage import FIGURES, measure_coverage
from closed_loop.reached import interventions_file
from closed_loop.report import Results, write_results
from closed_loop.shop import make_project, settings_of
from closed_loop.simulated import Lived, live_with, oracle
from closed_loop.sizes import Size
from closed_loop.targets import (
    OVER_ORACLE,
    OVER_RISK_FIRST,
    Target,
    coverage_target,
    ratio_target,
    zero_target,
)
from closed_loop.work import Job, Progress, run_jobs
from closed_loop.world import (
    LEARNED,
    RESULT,
    RISK_FIRST,
    SHARED,
    Tell,
    messages_of,
    part,
    run_policy,
    run_shared,
    world_of,
)

MARK = "run.json"


def close_the_loop(folder: Path, size: Size, seed: int, *, minutes: float) -> Results:
    """Run every world of a size, compare them, and write what was found into a folder."""
    _begin(folder, size, seed)
    work = folder / "work"
    steps = size.seeds + 2 * size.rounds + 2
    policies = (RISK_FIRST, LEARNED) if size.judges_policies else (LEARNED,)
    progress = Progress(steps + size.rounds * len(policies) + 2)
    try:
        coverage = Job("coverage", size.seeds + 1, run_coverage, (work / "coverage", size))
        truth = Job("oracle", size.rounds, run_oracle, (work / "oracle", size, seed))
        if size.judges_policies:
            shared = Job(SHARED, size.learns_from, run_shared, (work / SHARED, size, seed))
            run_jobs([shared, coverage], folder / "logs", progress, minutes=minutes)
            for policy in policies:
                part(work / SHARED, work / policy)
        jobs = [
            Job(policy, size.rounds, run_policy, (work / policy, size, seed, policy)) for policy in policies
        ]
        others = [truth] if size.judges_policies else [coverage, truth]
        run_jobs([*jobs, *others], folder / "logs", progress, minutes=minutes)
        progress.tell("comparison", 1, "living every world once more")
        results, lived, alone = _compare(work, size, seed, policies, progress)
    finally:
        progress.close()
    write_results(folder, results, lived, alone)
    return results


def run_coverage(tell: Tell, home: Path, size: Size) -> None:
    """Measure how often the report's intervals cover the truth; kept in the home."""
    kept = home / "coverage.parquet"
    if kept.exists():
        return
    home.mkdir(parents=True, exist_ok=True)
    make_project(home, size)
    found = measure_coverage(settings_of(home), size.seeds, tell)
    found.worlds.to_parquet(kept, index=False)


def run_oracle(tell: Tell, home: Path, size: Size, seed: int) -> None:
    """Let the policy that knows the truth choose; what it delivers is kept in the home."""
    home.mkdir(parents=True, exist_ok=True)
    make_project(home, size)
    messages = oracle(world_of(size, seed), size, load_policy(settings_of(home).dbt_project), tell)
    pq.write_table(messages, interventions_file(home))


def _begin(folder: Path, size: Size, seed: int) -> None:
    """Go on with a run that was cut off; a finished one, or one of another size or seed, is cleared away."""
    mark, asked = folder / MARK, {"size": size.name, "seed": seed}
    is_same = mark.exists() and json.loads(mark.read_text(encoding="utf-8")) == asked
    if not is_same or (folder / "summary.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps(asked), encoding="utf-8")


def _compare(
    work: Path, size: Size, seed: int, policies: tuple[str, ...], progress: Progress
) -> tuple[Results, dict[str, Lived], Lived]:
    world, policy = world_of(size, seed), load_policy(settings_of(work / LEARNED).dbt_project)
    alone = live_with(world, size, None, policy)
    lived = {name: live_with(world, size, messages_of(work / name), policy) for name in policies}
    lived["oracle"] = live_with(world, size, messages_of(work / "oracle"), policy)
    table = policy_table(size, alone, lived)
    coverage = pd.read_parquet(work / "coverage" / "coverage.parquet")
    homes = {
        name: json.loads((work / name / "closed_loop" / RESULT).read_text(encoding="utf-8"))
        for name in policies
    }
    results = Results(
        size=size,
        seed=seed,
        policies=table,
        rounds=round_table(lived),
        experiments=report_against_truth(work / LEARNED, lived[LEARNED], alone),
        coverage=coverage,
        homes=homes,
        reduction=churn_reduction(work / LEARNED, lived[LEARNED], alone),
        targets=_targets(size, table, coverage, homes),
        seconds=progress.seconds,
    )
    return results, lived, alone


def _targets(
    size: Size, table: pd.DataFrame, coverage: pd.DataFrame, homes: dict[str, dict[str, int]]
) -> list[Target]:
    worth = table.set_index("policy")["worth_judged"].to_dict()
    judged = size.judges_policies

    def over(other: str) -> float | None:
        return worth[LEARNED] / worth[other] if worth.get(other, 0.0) > 0 else None

    worlds = len(coverage)
    covered = [int(coverage[f"{figure}_covered"].sum()) for figure in FIGURES]

    def together(fact: str) -> int:
        return sum(told[fact] for told in homes.values())

    return [
        coverage_target("coverage of saved users", covered[0], worlds),
        coverage_target("coverage of net margin", covered[1], worlds),
        ratio_target("policy over risk first", over(RISK_FIRST), OVER_RISK_FIRST, is_judged=judged),
        ratio_target("policy over oracle", over("oracle"), OVER_ORACLE, is_judged=judged),
        zero_target("contamination", together("contamination")),
        zero_target("held-out users reached", together("protected_reached")),
        zero_target("messages that came twice", together("repeated")),
        zero_target("messages gone astray", together("misdirected")),
    ]
