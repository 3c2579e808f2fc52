"""Gather what the suites need to know, from the source's declaration, the ledger and the build file."""

import csv
from datetime import date

from expectations import thresholds as limits
from expectations.facts import Facts, RawTable, judged_from
from warehouse.connections import open_read_only
from warehouse.ledger import Ledger
from warehouse.settings import Settings
from warehouse.sources import Source, Table, load_source

UNIT_KINDS = frozenset({"amount", "count", "number", "seconds"})
SHOP_DRIVEN_TABLES = frozenset({"campaign_touches", "coupons", "promotions"})


def read_facts(settings: Settings, ledger: Ledger, days: tuple[date, ...]) -> Facts:
    """Read the declaration of the active source and the columns of the build file.

    Raises
    ------
    ContractBreach
        If the source's declaration cannot be used.
    DamagedFile
        If the build file is missing or cannot be read.
    """
    source = load_source(settings.source)
    features = _described_features(settings)
    deliveries = ledger.deliveries(source.name, status="accepted")
    return Facts(
        source=source.name,
        time_zone=source.time_zone,
        currency=source.currency,
        as_of_dates=days,
        judged_from=judged_from(days[0], ledger.newest_built_day(source.name)),
        empty_features=frozenset(row["reason_code"] for row in features if row["made_from"] in source.absent),
        unit_features=frozenset(row["reason_code"] for row in features if row["value_kind"] in UNIT_KINDS),
        shop_driven_features=frozenset(
            row["reason_code"] for row in features if row["made_from"] in SHOP_DRIVEN_TABLES
        ),
        freshness_days=source.freshness_days,
        raw_tables=tuple(raw_table(source, table) for table in source.tables if not table.redacted),
        columns=_columns(settings),
        history_until=max((d.delivery_date for d in deliveries if d.is_history), default=None),
    )


def raw_table(source: Source, table: Table) -> RawTable:
    """Return what the raw suite needs to know of one declared table."""
    identifiers = {other.name: f"{other.schema}.{other.identifier}" for other in source.tables}
    return RawTable(
        name=identifiers[table.name],
        columns={column.name: column.type for column in table.columns},
        event_time=table.event_time,
        is_required=table.required,
        volume_ratio=(
            table.volume.lowest_ratio / limits.VOLUME_SLACK,
            table.volume.highest_ratio * limits.VOLUME_SLACK,
        ),
        references={
            reference.column: (identifiers[reference.table], reference.parent_column)
            for reference in table.references
        },
    )


def _described_features(settings: Settings) -> list[dict[str, str]]:
    """Return the seed of reasons, which says of every feature what it is made from and what it measures."""
    path = settings.dbt_project / "seeds" / "reason_texts.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _columns(settings: Settings) -> dict[str, dict[str, str]]:
    with open_read_only(settings.build_file) as connection:
        rows = connection.execute(
            "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
            "where not internal order by all"
        ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        tables.setdefault(table, {})[column] = kind
    return tables
