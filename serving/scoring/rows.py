"""The body of a score request: one user's rows in the tables of the source contract, every cell checked."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa

from serving.problems import Problem
from serving.scoring.values import ALLOWED, WrongValue, typed
from warehouse.contract import ContractTable
from warehouse.feature_program import SHARED_TABLES

MOST_ROWS = 20_000
FAULTS_TOLD = 10
VALUE_TOLD = 40
# How far from the published day a user may be scored: the model, the shop's products and promotions are of
# that day, and further ahead they say less and less.
DAYS_AHEAD, DAYS_BACK = 31, 365
FIELDS = ("user_id", "as_of_date", "with_features", "tables")
# Which days knew a row: from the first on, up to the second.
VERSIONS = {"known_on": "date", "superseded_on": "date"}
REQUIRED = {"orders": ("status", "gross_amount"), "consents": ("granted",), "support_messages": ("sender",)}
# Tables whose rows name their order, or nothing, instead of their user.
BY_ORDER = ("order_items",)


@dataclass(frozen=True)
class ScoreRequest:
    """One user to score.

    Attributes
    ----------
    user_id : str
        Whose rows they are.
    as_of_date : date
        The evening that is looked from.
    with_features : bool
        Whether the answer has the features too.
    rows : mapping of str to list of dict
        Rows by table, with a value for every column of the contract and for known_on and superseded_on.
    """

    user_id: str
    as_of_date: date
    with_features: bool
    rows: Mapping[str, list[dict[str, Any]]]

    @property
    def word_on_profiling(self) -> tuple[datetime, bool] | None:
        """When the newest word on profiling was said, and whether it allows it; None if none was sent.

        Also what was said after the day counts: who objects now is not scored as of yesterday either.
        """
        told = [
            (row["changed_at"], row["granted"])
            for row in self.rows.get("consents", ())
            if row["purpose"] == "profiling" and row["superseded_on"] is None
        ]
        # of two at the same moment the refusal counts
        return max(told, key=lambda word: (word[0], not word[1]), default=None)


def read_request(body: bytes, contract: Mapping[str, ContractTable], published_day: date) -> ScoreRequest:
    """Read and check a request.

    Parameters
    ----------
    body : bytes
        The JSON document.
    contract : mapping of str to ContractTable
        The source contract.
    published_day : date
        The day of the snapshot: the request's day if it names none.

    Raises
    ------
    Problem
        400 if the document is not JSON or has other fields, 422 with table, row, column and value of the
        first faults, 413 if there are too many rows.
    """
    document = _document(body)
    user_id = document.get("user_id")
    if not isinstance(user_id, str) or not 0 < len(user_id) <= 200 or "\0" in user_id:
        raise _malformed("user_id must be a text of 1 to 200 characters")
    with_features = document.get("with_features", False)
    if not isinstance(with_features, bool):
        raise _malformed("with_features must be true or false")
    day = _day(document.get("as_of_date"), published_day)
    tables = document.get("tables")
    if not isinstance(tables, dict) or not all(isinstance(rows, list) for rows in tables.values()):
        raise _malformed("tables must be an object with a list of rows by table")
    total = sum(map(len, tables.values()))
    if total > MOST_ROWS:
        raise Problem(
            413,
            "too_many_rows",
            "The request has more rows than one user may have.",
            f"It has {total:,}; {MOST_ROWS:,} are taken.",
            "leave out the oldest events: features look back a year, and most of them 90 days",
        )
    faults: list[str] = []
    taken = {name: table for name, table in contract.items() if name not in SHARED_TABLES}
    rows = {}
    for name, given in tables.items():
        if name in taken:
            rows[name] = _rows(taken[name], given, user_id, day, faults)
        else:
            faults.append(f"table {_told(name)} cannot be sent; {', '.join(taken)} can")
    if not faults:
        for name, checked in rows.items():
            faults += _repeated(contract[name], checked)
        faults += _strays(rows)
    if faults:
        more = len(faults) - FAULTS_TOLD
        raise Problem(
            422,
            "rows_break_the_contract",
            "The rows are not what the source contract says.",
            "; ".join(faults[:FAULTS_TOLD]) + (f"; and {more} more" if more > 0 else ""),
            "correct what is named; the tables and columns are in docs/score-one-user.md",
        )
    return ScoreRequest(user_id, day, with_features, rows)


def arrow_table(table: ContractTable, rows: list[dict[str, Any]]) -> pa.Table:
    """Return checked rows as a table with the staged table's columns, apart from `local_at`."""
    columns = {**table.columns, **VERSIONS}
    schema = pa.schema(
        [(name, ARROW_TYPES[sql_type.split("(", maxsplit=1)[0]]) for name, sql_type in columns.items()]
    )
    return pa.Table.from_pylist(rows, schema=schema)


ARROW_TYPES = {
    "varchar": pa.string(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "decimal": pa.decimal128(18, 4),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "boolean": pa.bool_(),
}


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_object)
    except RecursionError:
        raise _malformed("the body is nested too deeply") from None
    except ValueError as error:
        raise _malformed(f"the body is not a JSON document: {error}"[:200]) from None
    if not isinstance(document, dict):
        raise _malformed("the body must be a JSON object")
    unknown = sorted(set(document) - set(FIELDS))
    if unknown:
        raise _malformed(f"{_told(unknown[0])} is no field of a score request; {', '.join(FIELDS)} are")
    return document


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object names a field twice")
    return found


def _day(value: Any, published_day: date) -> date:
    if value is None:
        return published_day
    try:
        day: date = typed(value, "date")
    except WrongValue as error:
        raise _malformed(f"as_of_date {error}") from None
    first, last = published_day - timedelta(days=DAYS_BACK), published_day + timedelta(days=DAYS_AHEAD)
    if not first <= day <= last:
        raise Problem(
            422,
            "day_out_of_reach",
            "The day is too far from the published one to score anybody.",
            f"as_of_date is {day}; with the snapshot of {published_day} it may lie from {first} to {last}.",
            "leave as_of_date out, or name a day in reach",
        )
    return day


def _rows(
    table: ContractTable, given: list[Any], user_id: str, as_of_date: date, faults: list[str]
) -> list[dict[str, Any]]:
    """Return the rows of a table in the types of its columns; what is wrong with them goes into `faults`."""
    columns = {**table.columns, **VERSIONS}
    stands_for = {"user_id": user_id, "known_on": as_of_date.isoformat()}
    needed = {*table.key, *([table.happened_at] if table.happened_at else []), *REQUIRED.get(table.name, ())}
    checked = []
    for number, row in enumerate(given, start=1):
        where = f"{table.name} row {number}"
        if not isinstance(row, dict):
            faults.append(f"{where} must be an object: found {_told(row)}")
            continue
        faults += [f"{where} has an unknown column {_told(name)}" for name in row if name not in columns]
        values: dict[str, Any] = {}
        for column, sql_type in columns.items():
            value = row.get(column)
            if value is None:
                value = stands_for.get(column)
            try:
                values[column] = typed(value, sql_type)
                _check(table.name, column, values[column], user_id, column in needed)
            except WrongValue as error:
                values[column] = None
                faults.append(f"{where}, column {column} {error}: found {_told(value)}")
        checked.append(values)
        if len(faults) > FAULTS_TOLD:
            break
    return checked


def _check(table: str, column: str, value: Any, user_id: str, is_needed: bool) -> None:
    if value is None:
        if is_needed:
            raise WrongValue("must be there")
        return
    allowed = ALLOWED.get((table, column))
    if allowed and value not in allowed:
        raise WrongValue(f"must be one of {', '.join(allowed)}")
    if column == "user_id" and value != user_id:
        raise WrongValue("must be the user of the request: one user at a time is scored")


def _repeated(table: ContractTable, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield faults of rows with one key of which a day would know two."""
    versions: dict[tuple[Any, ...], list[tuple[date, date, int]]] = defaultdict(list)
    for number, row in enumerate(rows, start=1):
        superseded = row["superseded_on"] or date.max
        if superseded < row["known_on"]:
            yield f"{table.name} row {number}, column superseded_on must not lie before known_on"
        versions[tuple(row[column] for column in table.key)].append((row["known_on"], superseded, number))
    for key, spans in versions.items():
        spans.sort()
        for (_, end, first), (start, _, second) in pairwise(spans):
            if start < end:
                told = ", ".join(_told(str(part)) for part in key)
                yield (
                    f"{table.name} rows {first} and {second} have the same key {told}: "
                    "say with superseded_on from which day the newer one counts"
                )


def _strays(rows: Mapping[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Yield faults of rows whose order was not sent: they would count nowhere."""
    orders = {row["order_id"] for row in rows.get("orders", ())}
    for name in BY_ORDER:
        for number, row in enumerate(rows.get(name, ()), start=1):
            if row["order_id"] not in orders:
                yield (
                    f"{name} row {number}, column order_id names no order of the request: "
                    f"found {_told(row['order_id'])}"
                )


def _told(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= VALUE_TOLD else f"{text[:VALUE_TOLD]}…"


def _malformed(detail: str) -> Problem:
    return Problem(
        400,
        "invalid_request",
        "The request is not one that this route understands.",
        detail,
        "send a JSON object with user_id and tables, as docs/score-one-user.md shows",
    )
