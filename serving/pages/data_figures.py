"""What the page of the data is made of: deliveries, what was set aside, gates, sums, runs and row counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from serving.pages.published import Row, is_published, rows_of
from serving.snapshots import Snapshot
from warehouse.ledger import Ledger, Publish, Run

REPORT = "data_quality_report"
DELIVERIES_SHOWN = 14
DAYS_DRAWN = 90
GATE_DAYS = 14
RUNS_SHOWN = 20
MOST_BROKEN = 30

BY_DAY = """
select
    delivery_date,
    sum(rows_accepted) as rows_accepted,
    sum(rows_quarantined) as rows_quarantined,
    sum(rows_duplicate) as rows_duplicate
from data_quality_report
where report_kind = 'delivery' and delivery_date > $since
group by delivery_date
order by delivery_date
"""

QUARANTINE = """
select
    rule,
    sum(rows_quarantined) as rows_in_all,
    coalesce(sum(rows_quarantined) filter (known_on > $since), 0) as rows_lately,
    count(distinct delivery_id) as deliveries,
    max(known_on) as newest
from data_quality_report
where report_kind = 'quarantine_reason'
group by rule
order by rows_in_all desc, rule
"""

GATES = """
select as_of_date, gate, count(*) as rules, count(*) filter (not is_good) as broken
from data_quality_report
where report_kind = 'gate_rule'
group by as_of_date, gate
order by as_of_date desc, gate
"""


@dataclass(frozen=True)
class Data:
    """Everything that the page says from what was published.

    Attributes
    ----------
    gates : mapping of date to mapping of str to row
        Rules and broken ones by day, the newest first, and gate.
    """

    newest_delivery: date | None
    deliveries: Sequence[Row]
    by_day: Sequence[Row]
    quarantine: Sequence[Row]
    gates: Mapping[date, Mapping[str, Row]]
    broken: Sequence[Row]
    sums: Sequence[Row]
    tables: Sequence[tuple[str, int, str]]

    @property
    def gate_names(self) -> Sequence[str]:
        """Gates of any of the days, in the order in which a day passes them."""
        order = ("raw", "features", "labels", "scores", "risk", "campaigns")
        found = {gate for of_day in self.gates.values() for gate in of_day}
        return [*(gate for gate in order if gate in found), *sorted(found - set(order))]

    @property
    def bad_sums(self) -> Sequence[Row]:
        """Sums that do not come out."""
        return [row for row in self.sums if not row["is_good"]]

    @property
    def rows_lately(self) -> tuple[int, int]:
        """Rows taken and rows set aside in the days that are drawn."""
        taken = sum(int(row["rows_accepted"] or 0) for row in self.by_day)
        return taken, sum(int(row["rows_quarantined"] or 0) for row in self.by_day)


@dataclass(frozen=True)
class History:
    """Runs and publishes as the ledger knows them, the newest first."""

    runs: Sequence[Run]
    publishes: Sequence[Publish]
    failures: Sequence[Run]


def data_of(snapshot: Snapshot) -> Data:
    """Return what a run says of the data that it was made from."""
    has_report = is_published(snapshot, REPORT, "report_kind rows_quarantined known_on")
    since = {"since": snapshot.as_of_date - timedelta(days=DAYS_DRAWN)}
    deliveries = rows_of(
        snapshot,
        REPORT,
        "delivery_id delivery_date known_on status rows_received rows_accepted rows_quarantined "
        "rows_duplicate message",
        f"where report_kind = 'delivery' order by delivery_date desc, delivery_id limit {DELIVERIES_SHOWN}",
    )
    gates: dict[date, dict[str, Row]] = {}
    for row in snapshot.rows(GATES) if has_report else []:
        gates.setdefault(row["as_of_date"], {})[row["gate"]] = row
    return Data(
        newest_delivery=deliveries[0]["delivery_date"] if deliveries else None,
        deliveries=deliveries,
        by_day=snapshot.rows(BY_DAY, since) if has_report else [],
        quarantine=snapshot.rows(QUARANTINE, since) if has_report else [],
        gates=dict(list(gates.items())[:GATE_DAYS]),
        broken=rows_of(
            snapshot,
            REPORT,
            "as_of_date gate table_name rule column_name observed expected message",
            f"where report_kind = 'gate_rule' and not is_good order by as_of_date desc limit {MOST_BROKEN}",
        ),
        sums=rows_of(
            snapshot,
            REPORT,
            "table_name rule observed expected is_good",
            "where report_kind = 'reconciliation' and as_of_date = (select max(as_of_date) "
            f"from {REPORT} where report_kind = 'reconciliation') order by is_good, table_name, rule",
        ),
        tables=_tables(snapshot),
    )


def history_of(ledger: Ledger, source: str) -> History:
    """Return the newest runs and publishes of a shop."""
    publishes = [one for one in ledger.publishes() if one.source == source]
    return History(
        runs=ledger.recent_runs(source, limit=RUNS_SHOWN),
        publishes=publishes[::-1][:RUNS_SHOWN],
        failures=ledger.open_failures(source),
    )


def _tables(snapshot: Snapshot) -> list[tuple[str, int, str]]:
    told = {
        row["name"]: row["comment"] or ""
        for row in snapshot.rows(
            "select table_name as name, comment from duckdb_tables() "
            "union all select view_name, comment from duckdb_views() where not internal"
        )
    }
    return [
        (name, facts.rows, told.get(name, "")) for name, facts in sorted(snapshot.manifest.tables.items())
    ]
