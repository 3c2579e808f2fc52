"""From which tables a published table is made."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.warehouse.publish.tiny_build import begin_and_build, tiny_settings
from warehouse.errors import DamagedFile
from warehouse.ledger import Ledger
from warehouse.publish import publish, verify_snapshot
from warehouse.publish.lineage import LINEAGE_NAME, MADE_BY_PYTHON, lineage, read_lineage, write_lineage
from warehouse.settings import REPOSITORY, Settings


def _entry(kind: str, name: str, *parents: str, columns: tuple[str, ...] = ()) -> dict[str, Any]:
    schema, table = name.split(".")
    return {
        "resource_type": kind,
        "schema": schema,
        "name": table,
        "description": f"What {table} holds.\n  One row per user.",
        "depends_on": {"nodes": list(parents)},
        "columns": {column: {"name": column} for column in columns},
    }


MANIFEST = {
    "nodes": {
        "model.a": _entry("model", "staging.stg_shop__orders", "source.orders"),
        "model.b": _entry("model", "features.user_features", "model.a", columns=("user_id", "orders_30d")),
        "model.c": _entry("model", "risk.user_risk_tiers_history", "source.scores", "seed.cutoffs"),
        "model.d": _entry("model", "reporting.at_risk_users", "model.c"),
        "model.e": _entry("model", "staging.stg_other_shop__orders", "source.elsewhere"),
        "seed.cutoffs": _entry("seed", "seeds.risk_tier_cutoffs"),
        "test.x": _entry("test", "tests.not_null", "model.d"),
    },
    "sources": {
        "source.orders": _entry("source", "raw.orders", columns=("order_id",)),
        "source.scores": _entry("source", "ml.churn_scores"),
        "source.elsewhere": _entry("source", "raw.invoice_lines"),
    },
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = tiny_settings(tmp_path)
    manifest = made.dbt_home / "manifest" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps(MANIFEST))
    return made


def test_the_way_from_a_delivered_table_to_the_list_goes_through_the_model() -> None:
    nodes = {node.name: node for node in lineage(MANIFEST)}
    way = ["reporting.at_risk_users", "risk.user_risk_tiers_history", "ml.churn_scores",
           "features.user_features", "staging.stg_shop__orders", "raw.orders"]  # fmt: skip
    for below, above in pairwise(way):
        assert above in nodes[below].depends_on, f"{below} does not follow from {above}"
    assert [nodes[name].kind for name in way] == ["table", "table", "python", "table", "table", "delivery"]
    assert nodes["seeds.risk_tier_cutoffs"].kind == "rules"
    assert nodes["reporting.at_risk_users"].published_as == ("at_risk_users",)
    assert nodes["features.user_features"].columns == ("user_id", "orders_30d")
    assert nodes["raw.orders"].description == "What orders holds. One row per user."


def test_tables_that_nothing_published_follows_from_are_left_out() -> None:
    names = {node.name for node in lineage(MANIFEST)}
    assert "staging.stg_other_shop__orders" not in names
    assert "tests.not_null" not in names


def test_a_snapshot_carries_its_lineage_and_the_manifest_vouches_for_it(settings: Settings) -> None:
    with Ledger.open(settings) as ledger:
        done = publish(settings, ledger, begin_and_build(settings, ledger))
    assert LINEAGE_NAME in verify_snapshot(done.path).files
    assert read_lineage(done.path) == lineage(MANIFEST)


def test_without_a_manifest_there_is_no_lineage_and_readers_are_told_nothing(tmp_path: Path) -> None:
    assert write_lineage(tiny_settings(tmp_path / "other"), tmp_path) is None
    assert read_lineage(tmp_path) == ()


def test_a_broken_manifest_is_named_with_what_makes_it_anew(settings: Settings, tmp_path: Path) -> None:
    (settings.dbt_home / "manifest" / "manifest.json").write_text('{"nodes": ')
    with pytest.raises(DamagedFile, match="warehouse prepare"):
        write_lineage(settings, tmp_path)


def test_a_lineage_that_was_cut_off_is_named(tmp_path: Path) -> None:
    (tmp_path / LINEAGE_NAME).write_text('[{"name": "raw.orders"}]')
    with pytest.raises(DamagedFile, match=r"lineage\.json cannot be read"):
        read_lineage(tmp_path)


def test_every_table_that_python_makes_says_from_what() -> None:
    declared = {
        f"ml.{table['name']}"
        for path in (REPOSITORY / "dbt_project" / "models").rglob("*sources.yml")
        for source in yaml.safe_load(path.read_text()).get("sources", [])
        if source["name"] == "ml"
        for table in source["tables"]
    }
    assert declared
    assert set(MADE_BY_PYTHON) == declared
