"""Every metric of the semantic layer is SQL that runs over what is published."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.published_tables import make_published_tables
from tests.semantic_layer import SemanticLayer
from warehouse.dbt_project import run_dbt
from warehouse.publish import PUBLISHED_TABLES
from warehouse.settings import REPOSITORY, Settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("metrics")
    return Settings.from_environment({"HOLDFAST_HOME": str(home), "HOLDFAST_SOURCE": "sample_shop"})


@pytest.fixture(scope="module")
def layer(settings: Settings) -> SemanticLayer:
    run_dbt(settings, ["parse", "--quiet", "--show-all-deprecations"])
    return SemanticLayer(settings.dbt_home / "target" / "manifest.json")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        make_published_tables(connection)
        connection.execute(
            "insert into user_risk_tiers_history by name "
            "select day::date as as_of_date, 'u' || i as user_id, probability as churn_probability, "
            "tier as risk_tier, previous as previous_risk_tier, day::date as tier_since, "
            "reason as tier_reason, "
            "100.0 as value_if_staying, 5.0 as expected_gain "
            "from (values ('2026-06-29', 1, 0.9, 'high', null, 'model'), "
            "('2026-06-29', 2, 0.2, 'low', null, 'model'), "
            "('2026-06-30', 1, 0.6, 'medium', 'high', 'overdue'), "
            "('2026-06-30', 2, 0.8, 'high', 'low', 'model')) "
            "as rows (day, i, probability, tier, previous, reason)"
        )
        connection.execute(
            "insert into campaign_attribution by name select date '2026-06-30' as as_of_date, "
            "10 as sent, 4 as opened, 1.5 as contact_cost, 20.0 as coupon_redeemed_value"
        )
        connection.execute(
            "insert into campaign_effects by name "
            "select date '2026-06-30' as as_of_date, slice_name, outcome, saved_users, total_difference "
            "from (values ('all', 'churned', 7.0, -7.0), ('all', 'net_margin', null, 120.0), "
            "('risk_tier', 'churned', 5.0, -5.0)) "
            "as rows (slice_name, outcome, saved_users, total_difference)"
        )
        yield connection


def test_the_metrics_are_worth_what_they_say(
    layer: SemanticLayer, published: duckdb.DuckDBPyConnection
) -> None:
    found = {name: published.execute(layer.sql(name)).fetchall()[0][0] for name in layer.metrics}
    assert found == pytest.approx(
        {
            "users_scored": 2,
            "high_risk_users": 1,
            "high_risk_share": 0.5,
            "mean_churn_probability": 0.7,
            "revenue_at_risk": 140.0,
            "revenue_if_all_stay": 200.0,
            "revenue_at_risk_share": 0.7,
            "expected_gain_of_contacts": 10.0,
            "rule_decided_users": 1,
            "high_tier_entries": 2,
            "high_tier_exits": 1,
            "campaign_saved_users": 7.0,
            "campaign_net_margin": 120.0,
            "campaign_messages": 10,
            "campaign_messages_opened": 4,
            "campaign_open_share": 0.4,
            "campaign_contact_cost": 1.5,
            "campaign_coupon_cost": 20.0,
            "campaign_cost": 21.5,
        }
    )


def test_every_dimension_is_a_column_that_is_published(
    layer: SemanticLayer, published: duckdb.DuckDBPyConnection
) -> None:
    assert layer.dimensions
    for table, dimensions in layer.dimensions.items():
        published.execute(f"select {', '.join(dimensions)} from {table}")


def test_metrics_read_published_tables_only(layer: SemanticLayer) -> None:
    assert layer.tables() <= {table.name for table in PUBLISHED_TABLES}


def test_dbt_finds_nothing_deprecated_in_the_project(layer: SemanticLayer, settings: Settings) -> None:
    log = settings.dbt_home / "logs" / "dbt.log"
    assert "parse" in log.read_text()
    assert "Deprecat" not in log.read_text()


def test_the_page_of_metrics_names_each(layer: SemanticLayer) -> None:
    page = Path(REPOSITORY / "docs" / "metrics.md").read_text()
    assert not [name for name in layer.metrics if f"`{name}`" not in page]
