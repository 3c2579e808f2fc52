"""Reads snapshots from the build file, and refuses labels that were not complete at the time."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd

from ml.features import Feature, discover_features, kind_of
from warehouse.definitions import Definition
from warehouse.errors import ContractBreach

FEATURE_TABLE = "features.user_features"
LABEL_TABLE = "features.training_labels"
USER_DAYS_TABLE = "intermediate.int_user_days"
SHARE_STEPS = 10_000


@dataclass(frozen=True)
class Snapshots:
    """Labelled rows of several snapshots.

    Attributes
    ----------
    frame : pandas.DataFrame
        as_of_date, user_id, one column per feature and `churned` (0 or 1); ordered by date and user.
    features : tuple of Feature
        What a model may read.
    rows_available : int
        Rows before any sample of users was taken.
    """

    frame: pd.DataFrame
    features: tuple[Feature, ...]
    rows_available: int

    def on(self, dates: Sequence[date]) -> pd.DataFrame:
        """Return the rows of some snapshots."""
        wanted = self.frame["as_of_date"].isin(list(dates))
        return self.frame[wanted].reset_index(drop=True)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return rows and churned users per snapshot."""
        groups = self.frame.groupby("as_of_date")["churned"]
        return {str(day): {"rows": len(values), "churned": int(values.sum())} for day, values in groups}


def table_schema(connection: duckdb.DuckDBPyConnection, table: str = FEATURE_TABLE) -> list[tuple[str, str]]:
    """Return names and SQL types of a table's columns; empty if there is no such table."""
    schema, name = table.split(".")
    rows = connection.execute(
        "select column_name, data_type from information_schema.columns "
        # a refresh has other files attached, with tables of the same names
        "where table_catalog = current_database() and table_schema = ? and table_name = ? "
        "order by ordinal_position",
        [schema, name],
    ).fetchall()
    return [(str(column), str(sql_type)) for column, sql_type in rows]


def snapshots_built(connection: duckdb.DuckDBPyConnection) -> set[date]:
    """Return the days whose features are in the build file."""
    if not table_schema(connection):
        return set()
    return {
        row[0] for row in connection.execute(f"select distinct as_of_date from {FEATURE_TABLE}").fetchall()
    }


def first_data_day(connection: duckdb.DuckDBPyConnection, known_on: date) -> date | None:
    """Return the first day with any activity, as known on a day; None before the first delivery."""
    if not table_schema(connection, USER_DAYS_TABLE):
        return None
    row = connection.execute(
        f"select min(activity_date) from {USER_DAYS_TABLE} where known_on <= ? and activity_date <= ?",
        [known_on, known_on],
    ).fetchone()
    return row[0] if row else None


def load_themes(seed: Path) -> dict[str, str]:
    """Return the theme of each reason code from the seed file with columns `reason_code` and `theme`.

    The file is read, not the table that dbt makes of it, so that reasons do not depend on when dbt ran last.
    """
    with seed.open(encoding="utf-8", newline="") as file:
        return {row["reason_code"]: row["theme"] for row in csv.DictReader(file)}


def population(definition: Definition | None) -> str:
    """Return the SQL condition on feature rows that says whom a definition of churn asks about.

    Without a definition those are the eligible users: the population of the definition in force.
    """
    if definition is None:
        return "is_eligible"
    asked = (
        f"days_since_last_paid_order < {definition.active_within_days} "
        f"and paid_days_lifetime >= {definition.fewest_paid_days}"
    )
    if definition.most_paid_days is not None:
        asked += f" and paid_days_lifetime <= {definition.most_paid_days}"
    return f"({asked})"


def check_population(connection: duckdb.DuckDBPyConnection, as_of_date: date, definition: Definition) -> None:
    """Refuse a day whose eligible users are not those that a definition of churn asks about.

    Raises
    ------
    ContractBreach
        If the day's features were built while another definition was in force.
    """
    row = connection.execute(
        f"select count(*) from {FEATURE_TABLE} where as_of_date = ? "
        f"and is_eligible is distinct from coalesce({population(definition)}, false)",
        [as_of_date],
    ).fetchone()
    if row and row[0]:
        raise ContractBreach(
            f"{as_of_date} was built for another definition of churn than {definition.definition_id}",
            f"{row[0]} users differ in is_eligible",
            "build that day's features again; HOLDFAST_DEFINITION must be the same for every process",
        )


def load_features(
    connection: duckdb.DuckDBPyConnection, as_of_date: date, definition: Definition | None = None
) -> pd.DataFrame:
    """Return the users that a definition asks about on one day, with what a model may read, ordered by user.

    Raises
    ------
    ContractBreach
        If the day was not built, or a user is there twice.
    """
    frame = _read(connection, [as_of_date], population(definition), [])
    if frame.empty and definition is None:
        raise ContractBreach(
            f"{FEATURE_TABLE} holds no eligible user for {as_of_date}",
            None,
            "build that day's features; if they are built, nobody has a paid order in the eligible window",
        )
    _check_unique(frame)
    return frame


def load_snapshots(
    connection: duckdb.DuckDBPyConnection,
    dates: Sequence[date],
    *,
    horizon_days: int,
    label_known_on: date,
    label_kind: str = "paid_order",
    definition: Definition | None = None,
    rows_at_most: int | None = None,
) -> Snapshots:
    """Read the users of several snapshots with their labels.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file.
    dates : sequence of date
        Snapshots to read.
    horizon_days : int
        The label's window in days.
    label_known_on : date
        Only labels complete and known by this evening may be read.
    label_kind : str
        paid_order, or any_activity or personal where the label table carries it.
    definition : Definition, optional
        Whose population is read; the eligible users if left out. Its label is that of the two arguments.
    rows_at_most : int, optional
        Above this many rows a sample of users is read: the same users in every snapshot, chosen by their id.

    Returns
    -------
    Snapshots

    Raises
    ------
    ContractBreach
        If a label is not mature, a snapshot is not built, or users and labels do not match one to one.
    """
    late = [day for day in dates if day + timedelta(days=horizon_days) > label_known_on]
    if late:
        raise ContractBreach(
            f"The labels of {', '.join(map(str, late))} are not complete on {label_known_on}",
            f"horizon of {horizon_days} days",
            "train on older snapshots: a label is complete when the whole window has passed",
        )
    asked = population(definition)
    total = _count(connection, dates, asked)
    condition, values = _sample(total, rows_at_most)
    frame = _read(connection, dates, f"{asked} {condition}", values)
    _check_unique(frame)
    labels = _read_labels(connection, dates, horizon_days, label_known_on, label_kind)
    joined = frame.merge(labels, on=["as_of_date", "user_id"], how="left", validate="one_to_one")
    unlabelled = joined["churned"].isna()
    if unlabelled.any():
        first = joined.loc[unlabelled].iloc[0]
        raise ContractBreach(
            f"{int(unlabelled.sum())} users have no label at a horizon of {horizon_days} days",
            f"user {first['user_id']} on {first['as_of_date']}",
            f"build the labels of that day as known on {label_known_on}",
        )
    joined["churned"] = joined["churned"].astype("int64")
    return Snapshots(joined, discover_features(table_schema(connection)), total)


def _count(connection: duckdb.DuckDBPyConnection, dates: Sequence[date], asked: str) -> int:
    rows = connection.execute(
        f"select count(*) from {FEATURE_TABLE} where {asked} and as_of_date in "
        f"({', '.join('?' for _ in dates)})",
        list(dates),
    ).fetchall()
    missing = sorted(set(dates) - snapshots_built(connection))
    if missing:
        raise ContractBreach(
            f"{FEATURE_TABLE} does not hold {', '.join(map(str, missing))}",
            None,
            "build the features of these days before training",
        )
    return int(rows[0][0])


def _sample(total: int, at_most: int | None) -> tuple[str, list[int]]:
    if at_most is None or total <= at_most:
        return "", []
    share = max(1, at_most * SHARE_STEPS // total)
    return f"and md5_number_lower(user_id) % {SHARE_STEPS} < ?", [share]


def readable_columns(schema: Sequence[tuple[str, str]]) -> list[str]:
    """Return what selects the columns that a model may read, numbers and flags as double, texts as varchar.

    Parameters
    ----------
    schema : sequence of (str, str)
        Names and SQL types of the feature table's columns.
    """
    names = {feature.name for feature in discover_features(schema)}
    return [
        f'cast("{name}" as {"varchar" if kind_of(sql_type) == "categorical" else "double"}) as "{name}"'
        for name, sql_type in schema
        if name in names
    ]


def _read(
    connection: duckdb.DuckDBPyConnection, dates: Sequence[date], condition: str, values: list[int]
) -> pd.DataFrame:
    columns = readable_columns(table_schema(connection))
    table = connection.execute(
        f"select as_of_date, user_id, {', '.join(columns)} from {FEATURE_TABLE} "
        f"where as_of_date in ({', '.join('?' for _ in dates)}) and {condition} "
        "order by as_of_date, user_id",
        [*dates, *values],
    ).to_arrow_table()
    frame: pd.DataFrame = table.to_pandas(date_as_object=True)
    return frame


def _read_labels(
    connection: duckdb.DuckDBPyConnection,
    dates: Sequence[date],
    horizon_days: int,
    label_known_on: date,
    label_kind: str,
) -> pd.DataFrame:
    columns = {name for name, _ in table_schema(connection, LABEL_TABLE)}
    kind = "and label_kind = ?" if "label_kind" in columns else ""
    if not kind and label_kind != "paid_order":
        raise ContractBreach(
            f"{LABEL_TABLE} holds one kind of label: no paid order", label_kind, "use label_kind='paid_order'"
        )
    table = connection.execute(
        f"select as_of_date, user_id, cast(churned as integer) as churned from {LABEL_TABLE} "
        f"where as_of_date in ({', '.join('?' for _ in dates)}) and horizon_days = ? "
        f"and label_known_on = ? {kind}",
        [*dates, horizon_days, label_known_on, *([label_kind] if kind else [])],
    ).to_arrow_table()
    frame: pd.DataFrame = table.to_pandas(date_as_object=True)
    _check_unique(frame, LABEL_TABLE)
    return frame


def _check_unique(frame: pd.DataFrame, table: str = FEATURE_TABLE) -> None:
    twice = frame.duplicated(["as_of_date", "user_id"])
    if twice.any():
        first = frame.loc[twice].iloc[0]
        raise ContractBreach(
            f"{table} holds {int(twice.sum())} users twice on the same day",
            f"user {first['user_id']} on {first['as_of_date']}",
            "rebuild that day; its grain is one row per as_of_date and user_id",
        )
