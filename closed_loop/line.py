"""One round of the product's own line, stage by stage, as its DAGs call the stages."""

import datetime as dt
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd

from campaigns.channels import channels_from_environment
from campaigns.choose import choose_actions
from campaigns.lists import write_lists
from campaigns.record import record_decisions
from campaigns.relay import relay
from closed_loop.receivers import Receivers
from closed_loop.shop import environment_of
from expectations.gate import run_gate
from ml.calendar import training_date
from ml.entry import score_day, snapshots_missing, train_model
from ml.uplift.entry import score_uplift, train_uplift
from sample_shop.clock import TIME_ZONE
from warehouse.connections import open_build
from warehouse.control_tables import copy_campaign_tables, copy_control_tables
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.errors import HoldfastError
from warehouse.ingest import ingest
from warehouse.ledger import Ledger, Run
from warehouse.publish import current_snapshot, publish
from warehouse.settings import Settings
from warehouse.vault import sync_people

Progress = Callable[[str], None]
# the relay runs every hour of the day after the decisions
RELAY_HOURS = range(7, 23)


class Line:
    """The product at work for one home.

    Parameters
    ----------
    settings : Settings
        The home's.
    ledger : Ledger
        Its ledger, open.
    """

    def __init__(self, settings: Settings, ledger: Ledger, progress: Progress = lambda _line: None) -> None:
        self.settings, self.ledger, self._progress = settings, ledger, progress
        self._tested: set[str] = set()

    def build_features(self, day: dt.date) -> None:
        """Take what has landed through a day, and build its features."""
        run = self._begin("ingest", day)
        report = ingest(self.settings, self.ledger, through=day, progress=lambda _line: None)
        if report.refused:
            raise HoldfastError(
                "A delivery of the simulated shop was refused",
                report.refused[0].reason,
                "mend the simulated shop",
            )
        self.ledger.finish_run(run)
        sync_people(self.settings, self.ledger)
        run = self._begin("features", day)
        run_gate(self.settings, self.ledger, run, "raw", [day], write_docs=False)
        self._dbt("features", [day], run)
        run_gate(self.settings, self.ledger, run, "features", [day], write_docs=False)
        self.ledger.record_built_day(run)
        self.ledger.finish_run(run)

    def train(self, day: dt.date) -> None:
        """Train the churn model on the Sunday before a day."""
        sunday = training_date(day)
        missing = snapshots_missing(self.settings, sunday)
        if missing:
            self._dbt("features", missing)
        self._dbt("labels", [sunday])
        train_model(self.settings, self.ledger, sunday)

    def decide(self, day: dt.date) -> None:
        """Score a day, tier its users, choose whom to reach, check and publish."""
        run = self._begin("score", day)
        score_day(self.settings, self.ledger, run, day)
        score_uplift(self.settings, self.ledger, run, day)
        run_gate(self.settings, self.ledger, run, "scores", [day], write_docs=False)
        copy_control_tables(self.settings, self.ledger, run)
        self._dbt("risk", [day], run)
        choose_actions(self.settings, run, day, progress=self._progress)
        for gate in ("risk", "campaigns"):
            run_gate(self.settings, self.ledger, run, gate, [day], write_docs=False)
        copy_control_tables(self.settings, self.ledger, run)
        publish(self.settings, self.ledger, run)
        self.ledger.finish_run(run)

    def deliver(self, day: dt.date, receivers: Receivers, doors: dict[str, str]) -> None:
        """Record what was published and hand it over, hour by hour of the next day by the shop's clock."""
        zone = ZoneInfo(TIME_ZONE)

        def moment(hour: int) -> dt.datetime:
            return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(hour), zone).astimezone(dt.UTC)

        run = self._begin("campaigns", day)
        first = moment(RELAY_HOURS[0])
        record_decisions(
            self.settings,
            self.ledger,
            run,
            current_snapshot(self.settings),
            now=first,
            may_send=True,
            progress=self._progress,
        )
        receivers.now = moment(9)
        for folder in write_lists(self.settings, self.ledger, run, now=receivers.now, environment=doors):
            self._progress(f"list: {folder}")
        channels = channels_from_environment(
            environment_of(self.settings.home, **doors), clock=lambda: receivers.now
        )
        for hour in RELAY_HOURS:
            receivers.now = moment(hour)
            report = relay(self.settings, self.ledger, channels, worker="loop", clock=lambda: receivers.now)
            self._progress(f"{hour}:00 {report}")
        for channel in channels.values():
            if hasattr(channel, "close"):
                channel.close()
        self.ledger.finish_run(run)

    def measure(self, day: dt.date) -> None:
        """Build the effects of a day."""
        run = self._begin("effects", day)
        copy_campaign_tables(self.settings, self.ledger, run)
        self._dbt("effects", [day], run)
        self.ledger.finish_run(run)

    def learn(self, day: dt.date) -> dict[str, str]:
        """Train the uplift models on the outcomes that are complete; returns what holds for each campaign."""
        return train_uplift(self.settings, self.ledger, day, progress=self._progress)

    def rows(self, query: str) -> pd.DataFrame:
        """Read from the build file."""
        with open_build(self.settings) as connection:
            return _frame(connection, query)

    def _begin(self, kind: str, day: dt.date) -> Run:
        return self.ledger.begin_run(kind, self.settings.source, day, trigger="scheduled")

    def _dbt(self, selector: str, days: Sequence[dt.date], run: Run | None = None) -> None:
        variables = dbt_vars(self.settings, days, run_id=run.run_id if run else "")
        # the gates check every round; what dbt's own tests check is checked in the first one
        left_out = ["unit_test"] if selector not in self._tested else ["unit_test", "test"]
        self._tested.add(selector)
        arguments = ["build", "--quiet", "--selector", selector]
        arguments += [word for kind in left_out for word in ("--exclude-resource-type", kind)]
        run_dbt(self.settings, arguments, variables)


def _frame(connection: duckdb.DuckDBPyConnection, query: str) -> pd.DataFrame:
    return connection.execute(query).df()
