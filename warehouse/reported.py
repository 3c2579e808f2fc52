"""What tools report back, written where deliveries land: part of a day's delivery, in the shop's tables.

``landing/<source>/<day>.reported/<table>-<digest>.jsonl``: ingest takes such a folder with the day's own
delivery or after it, never before, and asks no other table of it.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from warehouse.errors import ContractBreach
from warehouse.landing import PART_OF_A_DAY
from warehouse.publish.durable import fsync_file, fsync_folder, make_private_folder
from warehouse.settings import Settings
from warehouse.sources import Column, Source, Table

REPORTED = "reported"
TOUCHES, REDEMPTIONS = "campaign_touches", "coupon_redemptions"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    TOUCHES: ("touch_id", "user_id", "campaign_id", "channel", "sent_at", "opened_at", "clicked_at"),
    REDEMPTIONS: ("redemption_id", "coupon_code", "order_id", "redeemed_at"),
}

Row = Mapping[str, str | datetime | None]


def table_for(source: Source, name: str) -> Table:
    """Return the shop's table that reports of a kind go into.

    Raises
    ------
    ContractBreach
        If the shop declares no such table, or one that wants more than tools can tell.
    """
    found = [table for table in source.tables if table.name == name]
    if not found or source.kind != "files":
        raise ContractBreach(
            f"The source {source.name} takes no {name} from tools",
            source.kind if found else None,
            f"declare the table {name} in {source.path.name} (docs/source-declaration.md)",
        )
    (table,) = found
    lacking = [
        column.name for column in table.columns if column.required and column.name not in COLUMNS[name]
    ]
    if lacking or not {COLUMNS[name][0]} <= set(table.column_names):
        raise ContractBreach(
            f"The table {name} of {source.name} asks for what tools cannot tell",
            lacking,
            "let those columns be empty, or deliver the table yourself",
        )
    file_name = _file_name(table, "0" * 16)
    matching = [one.name for one in source.tables if one.matches(file_name)]
    if matching != [name]:
        raise ContractBreach(
            f"A file {file_name} would not be taken as {name}",
            matching,
            f'let `files` of {name} hold "{name}-*" in {source.path.name}',
        )
    return table


def land_reported(
    settings: Settings, source: Source, table: Table, rows: Sequence[Row], *, now: datetime
) -> Path:
    """Write rows as one file, whole and durable or not at all; the same rows are the same file.

    Parameters
    ----------
    settings : Settings
        Says where landing is.
    source : Source
        Says which day it is at the shop.
    table : Table
        Says how times are written.
    rows : sequence of mapping
        By column of the contract; those that the shop does not declare are left out. Times in UTC.
    now : datetime
        In UTC.
    """
    text = "".join(json.dumps(_delivered(table, row), ensure_ascii=False) + "\n" for row in rows).encode()
    day = now.astimezone(ZoneInfo(source.time_zone)).date()
    folder = settings.landing / PART_OF_A_DAY.format(day=day.isoformat(), part=REPORTED)
    if not folder.is_dir():
        make_private_folder(folder)
        fsync_folder(folder.parent)
    path = folder / _file_name(table, hashlib.sha256(text).hexdigest()[:16])
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(text)
        temporary.chmod(0o600)
        fsync_file(temporary)
        temporary.replace(path)
        fsync_folder(folder)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _file_name(table: Table, digest: str) -> str:
    return f"{table.name}-{REPORTED}-{digest}.jsonl"


def _delivered(table: Table, row: Row) -> dict[str, str | None]:
    columns = {column.name: column for column in table.columns}
    return {name: _text(columns[name], value) for name, value in row.items() if name in columns}


def _text(column: Column, value: str | datetime | None) -> str | None:
    if not isinstance(value, datetime):
        return value
    if not column.formats:
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value.astimezone(ZoneInfo(column.time_zone)).strftime(column.formats[0])
