"""What readers are told about tables and columns: dbt's descriptions, carried into the published file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from warehouse.settings import Settings


@dataclass(frozen=True)
class Descriptions:
    """One table's description and those of its columns, by name."""

    table: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


def describe(settings: Settings, connection: duckdb.DuckDBPyConnection, relation: str) -> Descriptions:
    """Return the descriptions of a relation of the attached build file.

    Comments in the build file win; what it lacks comes from dbt's manifest, if there is one.
    """
    schema, name = relation.split(".")
    own = Descriptions(
        table=next(
            (
                row[0]
                for row in connection.execute(
                    "select comment from duckdb_tables() "
                    "where database_name = 'build' and schema_name = $schema and table_name = $name "
                    "union all select comment from duckdb_views() "
                    "where database_name = 'build' and schema_name = $schema and view_name = $name",
                    {"schema": schema, "name": name},
                ).fetchall()
            ),
            None,
        ),
        columns=dict(
            connection.execute(
                "select column_name, comment from duckdb_columns() where database_name = 'build' "
                "and schema_name = ? and table_name = ? and comment is not null",
                [schema, name],
            ).fetchall()
        ),
    )
    declared = _declared(settings.dbt_home / "manifest" / "manifest.json", relation)
    return Descriptions(own.table or declared.table, {**declared.columns, **own.columns})


def _declared(manifest: Path, relation: str) -> Descriptions:
    if not manifest.is_file():
        return Descriptions()
    return _read(manifest, manifest.stat().st_mtime_ns).get(relation, Descriptions())


@lru_cache(maxsize=2)
def _read(manifest: Path, _changed: int) -> dict[str, Descriptions]:
    content: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    return {
        f"{node['schema']}.{node.get('alias') or node['name']}": Descriptions(
            node.get("description") or None,
            {
                column["name"]: " ".join(column["description"].split())
                for column in node.get("columns", {}).values()
                if column.get("description")
            },
        )
        for node in content.get("nodes", {}).values()
        if node.get("resource_type") == "model"
    }
