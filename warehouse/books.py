"""The books of ingest: every received row is accepted, quarantined or a duplicate, and so is its money."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb

from warehouse.ledger import Delivery, DeliveryFile
from warehouse.sources import Source, Table

Recorded = Sequence[tuple[Delivery, Sequence[DeliveryFile]]]


@dataclass(frozen=True)
class Fact:
    """One figure, or one sum that must come out.

    Attributes
    ----------
    rule : str
        What was counted or added up.
    observed, expected : str
        What the tables hold, and what the ledger says; `expected` is None for a plain figure.
    """

    table_name: str
    rule: str
    observed: str
    expected: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether it comes out; a plain figure always does."""
        return self.expected is None or self.expected == self.observed

    @property
    def sentence(self) -> str:
        """Return it in words."""
        missed = "" if self.is_good else f"; expected {self.expected}"
        return f"{self.table_name}: {self.observed}{missed}"


def keep_books(connection: duckdb.DuckDBPyConnection, source: Source, recorded: Recorded) -> list[Fact]:
    """Add up rows and money, table by table.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The build file; is read.
    source : Source
        Its declaration says which tables have money.
    recorded : sequence of (Delivery, files)
        What the ledger knows, in the order of the delivery numbers; refused deliveries do not count.

    Returns
    -------
    list of Fact
        Rows of every table, quarantined rows by reason, and money of the tables that declare it.
    """
    taken = [(delivery, files) for delivery, files in recorded if delivery.status != "refused"]
    facts: list[Fact] = []
    for table in source.tables:
        whole, first = _repeated_files(table, taken)
        facts += _rows(connection, table, taken, sum(file.rows_received for file in whole))
        if table.money:
            facts.append(_money(connection, source, table, taken, first))
    return facts


def _repeated_files(table: Table, taken: Recorded) -> tuple[list[DeliveryFile], list[tuple[str, str]]]:
    """Return files whose bytes had been accepted before, and for each the delivery and path that were."""
    first: dict[str, tuple[str, str]] = {}
    repeated, originals = [], []
    for delivery, files in taken:
        for file in sorted(files, key=lambda file: file.relative_path):
            if file.table_name != table.name:
                continue
            if file.sha256 in first:
                repeated.append(file)
                originals.append(first[file.sha256])
            first.setdefault(file.sha256, (delivery.delivery_id, file.relative_path))
    return repeated, originals


def _rows(
    connection: duckdb.DuckDBPyConnection, table: Table, taken: Recorded, repeated_rows: int
) -> list[Fact]:
    files = [file for _, files in taken for file in files if file.table_name == table.name]
    received = sum(file.rows_received for file in files)
    promised = tuple(
        sum(getattr(file, f"rows_{word}") for file in files)
        for word in ("accepted", "quarantined", "duplicate")
    )
    ids = {delivery.delivery_id for delivery, _ in taken}
    mine = f"where table_name = '{table.name}'"
    accepted = _rows_by(connection, f"{table.schema}.{table.identifier}", "", "delivery_id")
    quarantined = _rows_by(connection, "quarantine.rows", mine, "delivery_id, reason_code")
    duplicate = _rows_by(connection, "control.exact_duplicates", mine, "delivery_id")
    reasons: Counter[str] = Counter()
    for rows, delivery_id, code in quarantined:
        reasons[code] += rows if delivery_id in ids else 0
    found = (
        sum(rows for rows, delivery_id in accepted if delivery_id in ids),
        reasons.total(),
        sum(rows for rows, delivery_id in duplicate if delivery_id in ids) + repeated_rows,
    )
    facts = [
        Fact(
            table.name,
            "rows_are_accounted_for",
            _in_words(sum(found), found),
            _in_words(received, promised),
        )
    ]
    return facts + [
        Fact(table.name, f"quarantined_{code}", f"{rows:,}") for code, rows in sorted((+reasons).items())
    ]


def _money(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    table: Table,
    taken: Recorded,
    originals: list[tuple[str, str]],
) -> Fact:
    """Add up what accepted rows and duplicates are worth; what cannot be read has no worth."""
    relation = f"{table.schema}.{table.identifier}"
    valued = f"select *, {table.money} as worth from {relation}"
    repeated = (
        "select again.*, stands.worth from control.exact_duplicates as again "
        f"inner join ({valued}) as stands "
        "on stands.delivery_id = again.same_as_delivery_id and stands.source_file = again.same_as_file "
        f"and stands.source_line = again.same_as_line where again.table_name = '{table.name}'"
    )
    accepted = _worth_by_file(connection, valued)
    duplicate = _worth_by_file(connection, repeated)
    ids = {delivery.delivery_id for delivery, _ in taken}
    kept = sum((amount for (one, _), amount in accepted.items() if one in ids), Decimal(0))
    again = sum((amount for (one, _), amount in duplicate.items() if one in ids), Decimal(0))
    # a file that came twice is worth again what it was worth the first time
    again += sum((accepted[one] + duplicate[one] for one in originals), Decimal(0))
    return Fact(
        table.name,
        "money_received",
        f"{kept + again:,.2f} {source.currency} received = {kept:,.2f} accepted "
        f"+ {again:,.2f} exact duplicates",
    )


def _worth_by_file(connection: duckdb.DuckDBPyConnection, rows: str) -> defaultdict[tuple[str, str], Decimal]:
    query = f"select delivery_id, source_file, sum(worth)::decimal(38, 4) from ({rows}) group by all"
    worth: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for delivery_id, path, amount in connection.execute(query).fetchall():
        worth[delivery_id, path] = amount or Decimal(0)
    return worth


def _rows_by(
    connection: duckdb.DuckDBPyConnection, relation: str, where: str, columns: str
) -> list[tuple[Any, ...]]:
    query = f"select count(*), {columns} from {relation} {where} group by all"
    return connection.execute(query).fetchall()


def _in_words(received: int, parts: tuple[int, ...]) -> str:
    accepted, quarantined, duplicate = parts
    return (
        f"{received:,} rows received = {accepted:,} accepted + {quarantined:,} quarantined "
        f"+ {duplicate:,} exact duplicates"
    )
