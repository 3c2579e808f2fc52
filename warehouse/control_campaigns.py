"""Copy what the ledger knows of campaigns into the build file: arms, contacts, coupons, blocks."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from warehouse.ledger import Ledger
from warehouse.ledger.campaign_tables import (
    campaign_assignments,
    campaign_launches,
    contact_blocks,
    coupons,
    outbox,
)

# Rows that are in memory at a time: a shop of a million users has millions of assignments.
ROWS_AT_A_TIME = 50_000

TEXT, DAY, REAL, MOMENT = pa.string(), pa.date32(), pa.float64(), pa.timestamp("us")

COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "campaign_assignments": {
        **{"experiment_id": TEXT, "campaign_id": TEXT, "user_id": TEXT, "arm": TEXT, "stratum": TEXT},
        **{"holdout_share": REAL, "salt": TEXT, "assigned_on": DAY, "launch_state": TEXT, "run_id": TEXT},
    },
    "campaign_contacts": {
        **{"message_id": TEXT, "user_id": TEXT, "campaign_id": TEXT, "experiment_id": TEXT},
        **{"as_of_date": DAY, "action": TEXT, "offer_id": TEXT, "channel": TEXT, "state": TEXT},
        **{"coupon_code": TEXT, "cost": REAL, "handed_over_at": MOMENT},
    },
    "coupons_issued": {
        **{"coupon_code": TEXT, "user_id": TEXT, "campaign_id": TEXT, "period": TEXT, "offer_id": TEXT},
        **{"face_value": REAL, "currency": TEXT, "issued_on": DAY, "expires_on": DAY},
    },
    "contact_blocks": {"user_id": TEXT, "purpose": TEXT, "reason": TEXT, "since": MOMENT},
}


def prepare_control_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the campaign tables of the schema ``control``, empty, where they are not there yet."""
    connection.execute("create schema if not exists control")
    for table, columns in COLUMNS.items():
        connection.register("no_rows", pa.schema(columns).empty_table())
        connection.execute(f"create table if not exists control.{table} as from no_rows")
        connection.unregister("no_rows")


def copy_campaign_facts(
    connection: duckdb.DuckDBPyConnection, ledger: Ledger, source: str, as_of_date: date, time_zone: str
) -> dict[str, int]:
    """Replace the campaign tables by what the ledger knows of a day and those before it.

    The caller's transaction holds it together; of the ledger one consistent state is read.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file.
    ledger : Ledger
        Is read.
    source : str
        The shop.
    as_of_date : date
        Assignments, messages and coupons decided for later days are left out, and blocks that began after
        the end of this one.
    time_zone : str
        The shop's, in which the day ends.

    Returns
    -------
    dict
        Rows by table.
    """
    end = datetime.combine(as_of_date + timedelta(days=1), time(), ZoneInfo(time_zone)).astimezone(UTC)
    counts = {}
    with ledger.reading() as reading:
        for table, statement in _statements(source, as_of_date, end).items():
            schema = pa.schema(COLUMNS[table])
            connection.register("no_rows", schema.empty_table())
            connection.execute(f"create or replace table control.{table} as from no_rows")
            connection.unregister("no_rows")
            counts[table] = 0
            rows = reading.execution_options(stream_results=True).execute(statement)
            for part in _parts(rows):
                _insert(connection, table, schema, part)
                counts[table] += len(part)
    return counts


def _statements(source: str, as_of_date: date, end: datetime) -> dict[str, sa.Select[Any]]:
    arms, blocks, launches = campaign_assignments, contact_blocks, campaign_launches
    launch_state = launches.c.state.label("launch_state")
    assigned = [
        launch_state if name == "launch_state" else arms.c[name] for name in COLUMNS["campaign_assignments"]
    ]
    handed_over = outbox.c.sent_at.label("handed_over_at")
    contacts = [
        handed_over if name == "handed_over_at" else outbox.c[name] for name in COLUMNS["campaign_contacts"]
    ]
    issued_on = outbox.c.as_of_date.label("issued_on")
    issued = [issued_on if name == "issued_on" else coupons.c[name] for name in COLUMNS["coupons_issued"]]
    return {
        # the run that drew an arm launched its campaign, or waited for a person to let it go
        "campaign_assignments": sa.select(*assigned)
        .outerjoin(
            launches,
            sa.and_(
                launches.c.source == arms.c.source,
                launches.c.run_id == arms.c.run_id,
                launches.c.campaign_id == arms.c.campaign_id,
            ),
        )
        .where(arms.c.source == source, arms.c.assigned_on <= as_of_date)
        .order_by(arms.c.experiment_id, arms.c.user_id),
        "campaign_contacts": sa.select(*contacts)
        .where(outbox.c.source == source, outbox.c.as_of_date <= as_of_date)
        .order_by(outbox.c.as_of_date, outbox.c.campaign_id, outbox.c.user_id, outbox.c.channel),
        "coupons_issued": sa.select(*issued)
        .join(outbox, outbox.c.message_id == coupons.c.message_id)
        .where(coupons.c.source == source, outbox.c.as_of_date <= as_of_date)
        .order_by(coupons.c.campaign_id, coupons.c.period, coupons.c.user_id),
        "contact_blocks": sa.select(*(blocks.c[name] for name in COLUMNS["contact_blocks"]))
        .where(
            blocks.c.source == source,
            blocks.c.since < end,
            sa.or_(blocks.c.lifted_at.is_(None), blocks.c.lifted_at >= end),
        )
        .order_by(blocks.c.user_id, blocks.c.purpose),
    }


def _parts(rows: sa.CursorResult[Any]) -> Iterator[Sequence[sa.Row[Any]]]:
    yield from rows.partitions(ROWS_AT_A_TIME)


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, schema: pa.Schema, rows: Sequence[sa.Row[Any]]
) -> None:
    columns = [
        pa.array([_in_utc(value) for value in values], field.type)
        for field, values in zip(schema, zip(*rows, strict=True), strict=True)
    ]
    connection.register("rows_to_copy", pa.Table.from_arrays(columns, schema=schema))
    connection.execute(f"insert into control.{table} by name from rows_to_copy")
    connection.unregister("rows_to_copy")


def _in_utc(value: Any) -> Any:
    # DuckDB's timestamp knows no zone; what is in it is UTC
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value
