"""From which tables a published table is made: read from dbt's manifest when a snapshot is written.

dbt knows how its models follow from each other; what Python makes between two of them (scores, choices,
trainings) stands to dbt as a source, so those steps are named here. Readers get it as ``lineage.json`` beside
the published database: who serves need not run dbt, and every snapshot tells of the project that made it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from warehouse.errors import DamagedFile
from warehouse.publish.durable import FILE_MODE
from warehouse.publish.tables import PUBLISHED_TABLES
from warehouse.settings import Settings

LINEAGE_NAME = "lineage.json"
Kind = Literal["delivery", "rules", "ledger", "python", "table"]

# What Python makes from which tables; the sources that dbt calls `ml`. A test holds it to their declaration.
MADE_BY_PYTHON: Mapping[str, tuple[str, ...]] = {
    "ml.churn_scores": ("features.user_features", "features.training_labels"),
    "ml.definition_scores": (
        "features.user_features",
        "features.training_labels",
        "features.definition_populations",
    ),
    "ml.model_report": ("features.user_features", "features.training_labels"),
    "ml.model_backtest": ("features.user_features", "features.training_labels"),
    "ml.model_slices": ("features.user_features", "features.training_labels"),
    "ml.model_importance": ("features.user_features", "features.training_labels"),
    "ml.model_learning_curve": ("features.user_features", "features.training_labels"),
    "ml.model_curves": ("features.user_features", "features.training_labels"),
    "ml.model_health": (
        "features.user_features",
        "features.training_labels",
        "ml.churn_scores",
        "risk.user_risk_tiers_history",
    ),
    "ml.action_choices": ("campaigns.campaign_eligibility", "seeds.campaign_policy"),
    "ml.uplift_scores": ("features.user_features", "campaigns.campaign_user_outcomes"),
    "ml.uplift_report": ("features.user_features", "campaigns.campaign_user_outcomes"),
}


@dataclass(frozen=True)
class Node:
    """One table on the way from what is delivered to what is published.

    Attributes
    ----------
    name : str
        ``schema.table`` in the build file.
    kind : {"delivery", "rules", "ledger", "python", "table"}
        delivery: rows as the shop sent them; rules: a seed; ledger: what the pipeline wrote down of itself;
        python: made by a model or a choice; table: made by dbt.
    description : str
        What it holds, with its grain.
    depends_on : tuple of str
        Names of the nodes that it is made from.
    columns : tuple of str
        Columns that are documented; empty where only the table is.
    published_as : tuple of str
        Names under which readers get it.
    """

    name: str
    kind: Kind
    description: str
    depends_on: tuple[str, ...]
    columns: tuple[str, ...] = ()
    published_as: tuple[str, ...] = ()


def lineage(manifest: Mapping[str, Any]) -> tuple[Node, ...]:
    """Return every node that a published table follows from, and the published ones, by name.

    Parameters
    ----------
    manifest : mapping
        dbt's manifest, as ``dbt parse`` writes it.
    """
    found = {**manifest["nodes"], **manifest["sources"]}
    names = {
        key: f"{entry['schema']}.{entry['name']}"
        for key, entry in found.items()
        if entry["resource_type"] in ("model", "seed", "source")
    }
    published: dict[str, list[str]] = {}
    for table in PUBLISHED_TABLES:
        published.setdefault(table.relation, []).append(table.name)
    nodes = {name: _node(name, found[key], names, published) for key, name in names.items()}
    return tuple(nodes[name] for name in sorted(_upstream(published, nodes)))


def write_lineage(settings: Settings, folder: Path) -> Path | None:
    """Write the lineage into a snapshot's folder; None where dbt has not read its project yet.

    Raises
    ------
    DamagedFile
        If dbt's manifest cannot be read.
    """
    path = settings.dbt_home / "manifest" / "manifest.json"
    if not path.is_file():
        return None
    try:
        nodes = lineage(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFile(
            f"dbt's manifest {path} cannot be read", str(error), "make it anew: `python -m warehouse prepare`"
        ) from error
    written = folder / LINEAGE_NAME
    written.write_text(
        json.dumps([asdict(node) for node in nodes], indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    written.chmod(FILE_MODE)
    return written


def read_lineage(folder: Path) -> tuple[Node, ...]:
    """Read what `write_lineage` wrote; nothing where a snapshot has none, as older ones.

    Raises
    ------
    DamagedFile
        If the file is there and is not what was written.
    """
    path = folder / LINEAGE_NAME
    if not path.is_file():
        return ()
    try:
        return tuple(
            Node(
                name=entry["name"],
                kind=entry["kind"],
                description=entry["description"],
                depends_on=tuple(entry["depends_on"]),
                columns=tuple(entry["columns"]),
                published_as=tuple(entry["published_as"]),
            )
            for entry in json.loads(path.read_text(encoding="utf-8"))
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFile(
            f"The lineage {path} cannot be read", str(error), "publish the day again"
        ) from error


def _node(
    name: str, entry: Mapping[str, Any], names: Mapping[str, str], published: Mapping[str, list[str]]
) -> Node:
    is_source = entry["resource_type"] == "source"
    parents: Iterable[str] = entry.get("depends_on", {}).get("nodes", ())
    depends_on = (
        MADE_BY_PYTHON.get(name, ()) if is_source else (names[key] for key in parents if key in names)
    )
    return Node(
        name=name,
        kind=_kind(entry),
        description=" ".join((entry.get("description") or "").split()),
        depends_on=tuple(sorted(set(depends_on))),
        columns=tuple(entry.get("columns", {})),
        published_as=tuple(published.get(name, ())),
    )


def _kind(entry: Mapping[str, Any]) -> Kind:
    if entry["resource_type"] == "seed":
        return "rules"
    if entry["resource_type"] == "model":
        return "table"
    kinds: Mapping[str, Kind] = {"ml": "python", "control": "ledger"}
    return kinds.get(entry["schema"], "delivery")


def _upstream(starts: Iterable[str], nodes: Mapping[str, Node]) -> set[str]:
    seen: set[str] = set()
    waiting = [name for name in starts if name in nodes]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += [parent for parent in nodes[name].depends_on if parent in nodes]
    return seen
