"""What a database holds, and what readers are told about it: dbt's descriptions, carried along."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from warehouse.publish.manifest import Column
from warehouse.settings import Settings

COLUMNS = """
select schema_name || '.' || table_name, column_name, data_type, comment
from duckdb_columns() where database_name = ? order by 1, column_index
"""
COMMENTS = """
select schema_name || '.' || table_name, comment from duckdb_tables() where database_name = $database
union all
select schema_name || '.' || view_name, comment from duckdb_views() where database_name = $database
"""


@dataclass(frozen=True)
class Relation:
    """A table or view as it stands in a database."""

    comment: str | None
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in order."""
        return [column.name for column in self.columns]


def read_catalog(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, Relation]:
    """Return every table and view of an attached database by ``schema.name``."""
    comments: dict[str, str | None] = dict(connection.execute(COMMENTS, {"database": database}).fetchall())
    columns: dict[str, list[Column]] = {}
    for relation, *column in connection.execute(COLUMNS, [database]).fetchall():
        columns.setdefault(relation, []).append(Column(*column))
    return {name: Relation(comments.get(name), tuple(found)) for name, found in columns.items()}


def descriptions_of(settings: Settings, relation: str, stands: Relation) -> tuple[str | None, dict[str, str]]:
    """Return the description of a relation, and those of its columns by name.

    Comments in the build file win; what it lacks comes from dbt's manifest, if there is one.
    """
    table, declared = _declared(settings.dbt_home / "manifest" / "manifest.json").get(relation, (None, {}))
    told = {column.name: column.description or declared.get(column.name) for column in stands.columns}
    return stands.comment or table, {name: text for name, text in told.items() if text}


def _declared(manifest: Path) -> Mapping[str, tuple[str | None, dict[str, str]]]:
    return _read(manifest, manifest.stat().st_mtime_ns) if manifest.is_file() else {}


@lru_cache(maxsize=2)
def _read(manifest: Path, _changed: int) -> dict[str, tuple[str | None, dict[str, str]]]:
    content: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    models = {
        key: node for key, node in content.get("nodes", {}).items() if node.get("resource_type") == "model"
    }
    return {
        f"{node['schema']}.{node.get('alias') or node['name']}": (
            _one_line(node.get("description")) or None,
            _columns_told(models, key),
        )
        for key, node in models.items()
    }


def _columns_told(models: Mapping[str, Any], key: str) -> dict[str, str]:
    """Return a model's column descriptions; what it leaves unsaid is taken from the models that it reads."""
    node = models[key]
    told: dict[str, str] = {}
    for parent in node.get("depends_on", {}).get("nodes", ()):
        if parent in models:
            told |= _columns_told(models, parent)
    own = {
        column["name"]: _one_line(column.get("description")) for column in node.get("columns", {}).values()
    }
    return told | {name: text for name, text in own.items() if text}


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())
