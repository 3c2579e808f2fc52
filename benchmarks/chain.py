"""The whole chain of one day, each stage a process of its own: deliveries in, published list out."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from benchmarks.measure import COST_HEAD, Cost, run_stage
from benchmarks.report import Section
from benchmarks.shop import Shop, environment_of, settings_of
from benchmarks.stages import finished
from ml.calendar import training_date
from warehouse.connections import open_read_only
from warehouse.ledger import Ledger, Run
from warehouse.settings import Settings


@dataclass(frozen=True)
class Home:
    """A folder on which the pipeline works, one process per stage."""

    folder: Path

    @property
    def settings(self) -> Settings:
        """The settings of the pipeline working here."""
        return settings_of(self.folder)

    def stage(self, name: str, *arguments: str) -> Cost:
        """Run a stage of benchmarks/stages.py."""
        return self.run(name, "benchmarks.stages", *arguments)

    def run(self, name: str, module: str, *arguments: str) -> Cost:
        """Run a module of the product."""
        command = [sys.executable, "-m", module, *arguments]
        return run_stage(name, command, environment=environment_of(self.folder), writes_to=self.folder)

    def begin(self, kind: str, day: date) -> Run:
        """Begin a run in the ledger."""
        with Ledger.open(self.settings) as ledger:
            return ledger.begin_run(kind, self.settings.source, day)

    def finish(self, run: Run) -> None:
        """End a run in the ledger; the day of a run of features is built then."""
        with Ledger.open(self.settings) as ledger:
            finished(ledger, run, is_built=run.kind == "features")

    def _users(self, day: date) -> int:
        with open_read_only(self.settings.build_file) as connection:
            found = connection.execute(
                "select count(*) from features.user_features where as_of_date = ?", [day]
            )
            return int(found.fetchall()[0][0])

    def build(self, day: date, *, gates: bool, first: bool) -> list[Cost]:
        """Ingest what was delivered and build the features of a day."""
        what = "features, first build" if first else "features"
        costs = [self.stage("ingest", "ingest")]
        run = self.begin("features", day)
        if gates:
            costs.append(self.stage("gate: raw", "gate", *_about(run, day, "--gate", "raw")))
        built = self.stage(what, "models", *_about(run, day))
        costs.append(replace(built, told={**built.told, "users": self._users(day)}))
        if gates:
            costs.append(self.stage("gate: features", "gate", *_about(run, day, "--gate", "features")))
            costs.append(self.stage("the features' SQL kept", "program"))
        self.finish(run)
        return costs


def measure_chain(shop: Shop, home: Home, simulated: Cost) -> tuple[Section, list[Cost]]:
    """Run the chain for the last day of the shop's history.

    Returns
    -------
    tuple of Section and list of Cost
        The report, and the costs in order: prepare, ingest, gates, features and so on.
    """
    day = shop.day(shop.days)
    sunday = training_date(day)
    shop.deliver(home.settings, 1, shop.days)
    costs = [home.run("prepare (folders, ledger, manifest)", "warehouse", "prepare")]
    costs += home.build(day, gates=True, first=True)
    costs.append(home.stage("training snapshots", "snapshots", "--as-of", str(sunday)))
    costs.append(home.stage("labels", "models", "--as-of", str(sunday), "--selector", "labels"))
    costs.append(home.run("train", "ml", "train", "--as-of", str(sunday)))
    run = home.begin("score", day)
    costs.append(home.stage("score", "score", *_about(run, day)))
    costs.append(home.stage("gate: scores", "gate", *_about(run, day, "--gate", "scores")))
    costs.append(home.stage("risk tiers and reports", "risk", *_about(run, day, "--selector", "risk")))
    costs.append(home.stage("gate: risk", "gate", *_about(run, day, "--gate", "risk")))
    costs.append(home.run("publish", "warehouse", "publish", "--run", run.run_id))
    home.finish(run)
    return Section(
        "The whole chain", _text(shop, costs), details=((COST_HEAD, _rows(simulated, costs)),)
    ), costs


def _about(run: Run, day: date, *more: str) -> list[str]:
    return ["--run", run.run_id, "--as-of", str(day), *more]


def _rows(simulated: Cost, costs: Sequence[Cost]) -> list[list[str]]:
    total = Cost(
        "all but simulate",
        sum(cost.seconds for cost in costs),
        sum(cost.cpu_seconds for cost in costs),
        max(cost.peak_gigabytes for cost in costs),
        sum(cost.written_gigabytes for cost in costs),
    )
    return [cost.cells() for cost in [simulated, *costs, total]]


def _text(shop: Shop, costs: Sequence[Cost]) -> str:
    told = {cost.stage: cost.told for cost in costs}
    rules = sum(one["rules"] for name, one in told.items() if name.startswith("gate"))
    closed = "".join(f" Closed, {name}: {one['closed']}." for name, one in told.items() if one.get("closed"))
    events = shop.rows("events", 1, shop.days)
    return (
        f"{shop.users:,} users and {events:,} events over {shop.days} days "
        f"({told['ingest']['received']:,} rows of all tables), through every stage up to the published list, "
        f"without Airflow. DuckDB has 2 threads and 4 GB. {told['training snapshots']['days']} past days "
        f"are built for training, {told['score']['users']:,} users are scored, and the gates check {rules} "
        "rules. Seconds are those of the whole process; at work are the seconds without starting Python, "
        f"importing and dbt's reading of its project.{closed}"
    )
