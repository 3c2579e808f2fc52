"""Every published table, empty, with the columns that its dbt model promises, to hold queries to."""

import re
from pathlib import Path
from typing import Any

import duckdb
import yaml

from warehouse.publish import PUBLISHED_TABLES
from warehouse.settings import REPOSITORY

#: A view that shows another model's columns as they are.
SHOWS = {"user_features_latest": "user_features"}
#: The house's names say what a column holds; the few models without a contract name no types.
TYPE_BY_NAME = (
    (r"_at$", "timestamp"),
    (r"(_on|_date)$", "date"),
    (r"^(is|has)_", "boolean"),
    (r"(_id|_code|_tier|_reason|_version|^arm|^stratum|^action|^channel)$", "varchar"),
    (r"", "double"),
)


def promised_columns(project: Path = REPOSITORY / "dbt_project") -> dict[str, list[tuple[str, str]]]:
    """Return the columns, with their types, of every model that describes any."""
    found: dict[str, list[tuple[str, str]]] = {}
    for page in sorted(project.rglob("_*__models.yml")):
        # the safe loader written in C: the other takes seconds for these pages
        content = yaml.load(page.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        models: list[dict[str, Any]] = content.get("models") or []
        for model in models:
            columns = [(one["name"], _type_of(one)) for one in model.get("columns", [])]
            if columns:
                found[model["name"]] = columns
    return found


def make_published_tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Create the published tables in a database and return their names.

    Raises
    ------
    KeyError
        If a published table's model describes no columns.
    """
    columns_of = promised_columns()
    columns_of |= {name: columns_of[other] for name, other in SHOWS.items()}
    for table in PUBLISHED_TABLES:
        columns = ", ".join(f'"{name}" {type_}' for name, type_ in columns_of[table.relation.split(".")[1]])
        connection.execute(f"create table {table.name} ({columns})")
    return [table.name for table in PUBLISHED_TABLES]


def _type_of(column: dict[str, Any]) -> str:
    by_name = next(type_ for pattern, type_ in TYPE_BY_NAME if re.search(pattern, column["name"]))
    return str(column.get("data_type") or by_name)
