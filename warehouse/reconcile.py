"""Do the numbers add up? Rows, money, orders, eligible users and churn, read from what is there."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from warehouse.books import Fact, keep_books
from warehouse.connections import open_read_only
from warehouse.definitions import Definition, definition_in_force, load_definitions
from warehouse.errors import ContractBreach
from warehouse.ledger import Ledger
from warehouse.settings import Settings
from warehouse.sources import Source, load_source

HORIZONS = (30, 60, 90)
ORDERS = "intermediate.int_orders_valued"
FEATURES = "features.user_features"


@dataclass(frozen=True)
class Reconciliation:
    """Every figure, in the order in which it is told."""

    source: str
    as_of_date: date | None
    facts: tuple[Fact, ...]

    @property
    def failures(self) -> tuple[Fact, ...]:
        """Return what does not come out."""
        return tuple(fact for fact in self.facts if not fact.is_good)

    def __str__(self) -> str:
        """Return one line per figure."""
        day = f", as of {self.as_of_date}" if self.as_of_date else ""
        lines = [f"{self.source}{day}"]
        for fact in self.facts:
            mark = "      " if fact.expected is None else "ok    " if fact.is_good else "WRONG "
            lines.append(f"{mark}{fact.rule.replace('_', ' '):<38} {fact.sentence}")
        return "\n".join(lines)


def reconcile(settings: Settings, ledger: Ledger, as_of_date: date | None = None) -> Reconciliation:
    """Add up what was delivered and what was made of it. Writes nothing.

    Parameters
    ----------
    settings : Settings
        Names the source and the build file.
    ledger : Ledger
        Knows what every delivery held.
    as_of_date : date, optional
        The day whose users are counted; the newest built one if not given.

    Raises
    ------
    ContractBreach
        If nothing was ingested yet.
    DamagedFile
        If the build file is missing or open elsewhere.
    """
    source = load_source(settings.source, settings.dbt_project)
    files = ledger.recorded_files(source.name)
    recorded = [(one, files.get(one.delivery_id, ())) for one in ledger.deliveries(source.name)]
    if not any(delivery.status == "accepted" for delivery, _ in recorded):
        raise ContractBreach(
            f"No delivery of {source.name} was accepted yet",
            None,
            "land one and run a day: make land, make run",
        )
    day = as_of_date or ledger.newest_built_day(source.name)
    with open_read_only(settings.build_file) as connection:
        facts = keep_books(connection, source, recorded)
        facts += _line_kinds(connection, source)
        until = _built_until(ledger, source)
        if until is not None and day is not None:
            definition = definition_in_force(load_definitions(settings.dbt_project), settings.definition_id)
            facts += _orders(connection, source)
            facts += _users(connection, definition, day)
            facts += _churn(connection, definition, day, until)
    return Reconciliation(source.name, day, tuple(facts))


def _built_until(ledger: Ledger, source: Source) -> date | None:
    """Return the newest delivery day that the last build of the orders has seen."""
    built = max((one.built_at for one in ledger.built_days(source.name)), default=None)
    if built is None:
        return None
    return max(
        one.delivery_date
        for one in ledger.deliveries(source.name, status="accepted")
        if one.ingested_at is None or one.ingested_at <= built
    )


def _line_kinds(connection: duckdb.DuckDBPyConnection, source: Source) -> Iterator[Fact]:
    """Tell a source's own book of lines, where its staging has one."""
    table = f"int_{source.name}__lines_reconciled"
    if not _exists(connection, f"staging.{table}"):
        return
    rows = connection.execute(
        "select line_kind, lines, duplicate_lines, line_amount, duplicate_amount "
        f"from staging.{table} order by lines desc"
    ).fetchall()
    for kind, lines, duplicates, amount, duplicate_amount in rows:
        yield Fact(
            kind,
            "lines_by_kind",
            f"{lines + duplicates:,} = {lines:,} accepted + {duplicates:,} exact duplicates; "
            f"{amount + duplicate_amount:,.2f} = {amount:,.2f} + {duplicate_amount:,.2f} {source.currency}",
        )


def _orders(connection: duckdb.DuckDBPyConnection, source: Source) -> Iterator[Fact]:
    ((orders, users, net, gross, first, last),) = connection.execute(
        "select count(*), count(distinct user_id), coalesce(sum(net_amount), 0), "
        "coalesce(sum(gross_amount), 0), min(order_date), max(order_date) "
        f"from {ORDERS} where is_paid and superseded_on is null"
    ).fetchall()
    yield Fact("orders", "paid_orders", f"{orders:,} of {users:,} customers, {first} to {last}")
    yield Fact(
        "orders",
        "revenue_of_paid_orders",
        f"{net:,.2f} {source.currency} (before discounts {gross:,.2f})",
    )


def _users(connection: duckdb.DuckDBPyConnection, definition: Definition, day: date) -> Iterator[Fact]:
    ((eligible,),) = connection.execute(
        f"select count(*) from ({_eligible_sql()})", _population(definition, day)
    ).fetchall()
    expected = None
    if _exists(connection, FEATURES):
        ((rows, counted),) = connection.execute(
            f"select count(*), count(*) filter (is_eligible) from {FEATURES} where as_of_date = ?", [day]
        ).fetchall()
        expected = _users_in_words(counted, definition) if rows else None
    found = _users_in_words(eligible, definition)
    yield Fact("user_features" if expected else "orders", "eligible_users", found, expected)


def _users_in_words(users: int, definition: Definition) -> str:
    words = f"{users:,} with a paid order in the last {definition.active_within_days} days"
    if definition.fewest_paid_days > 1:
        words += f", on at least {definition.fewest_paid_days} days in life"
    if definition.most_paid_days is not None:
        words += f", on at most {definition.most_paid_days} days in life"
    return words


def _churn(
    connection: duckdb.DuckDBPyConnection, definition: Definition, day: date, until: date
) -> Iterator[Fact]:
    """Tell the share without a paid order in the days after, as known today, where they were delivered."""
    for horizon in HORIZONS:
        last = day + timedelta(days=horizon)
        rule = f"churn_within_{horizon}_days"
        if last > until:
            yield Fact("users", rule, f"not known before {last} is delivered (newest is {until})")
            continue
        ((users, churned),) = connection.execute(
            f"with eligible as ({_eligible_sql()}), buyers as (select distinct user_id from {ORDERS} "
            "where is_paid and superseded_on is null and order_date > $day and order_date <= $last) "
            "select count(*), count(*) filter (buyers.user_id is null) "
            "from eligible left join buyers using (user_id)",
            _population(definition, day) | {"last": last},
        ).fetchall()
        yield Fact(
            "users",
            rule,
            f"{churned / users:.3f} ({churned:,} of {users:,})" if users else "no user was eligible",
        )


def _eligible_sql() -> str:
    """Return whom a definition asks about, worked out from the orders alone; see `_population`."""
    return (
        f"select user_id from {ORDERS} where is_paid and known_on <= $day "
        "and (superseded_on is null or superseded_on > $day) and order_date <= $day "
        "group by user_id having max(order_date) > $day - $days "
        "and count(distinct order_date) between $fewest and $most"
    )


def _population(definition: Definition, day: date) -> dict[str, date | int]:
    most = definition.most_paid_days
    return {
        "day": day,
        "days": definition.active_within_days,
        "fewest": definition.fewest_paid_days,
        "most": sys.maxsize if most is None else most,
    }


def _exists(connection: duckdb.DuckDBPyConnection, relation: str) -> bool:
    query = "select count(*) from information_schema.tables where table_schema || '.' || table_name = ?"
    ((found,),) = connection.execute(query, [relation]).fetchall()
    return bool(found)
