"""From scores to tiers, reasons and the tables readers get: built by dbt, for real, over a few users."""

import csv
from datetime import date, timedelta
from typing import Any

import pytest
import yaml

from ml.tables import prepare_tables
from tests.warehouse.dbt_makers import Shop
from warehouse.connections import open_build
from warehouse.control_tables import copy_control_tables
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.errors import ContractBreach
from warehouse.ledger import Delivery, GateResult, Ledger, Model
from warehouse.publish.tables import PUBLISHED_TABLES
from warehouse.settings import REPOSITORY

FIRST, SECOND = date(2026, 6, 29), date(2026, 6, 30)
DEFINITION = "paid_order_90d"
PROJECT = REPOSITORY / "dbt_project"
FEATURES_YAML = PROJECT / "models" / "marts" / "features" / "_features__models.yml"
HISTORY = "risk.user_risk_tiers_history"

# user: the day's probability on the first and on the second day, and features that differ from the usual
USERS: dict[str, tuple[float, float, dict[str, Any]]] = {
    "anna": (0.80, 0.72, {}),  # high, and stays: 0.72 is above the exit cut-off
    "ben": (0.80, 0.60, {}),  # leaves high
    "carla": (0.20, 0.20, {"is_last_complaint_unanswered": True, "days_since_last_complaint": 3}),
    "dirk": (0.20, 0.20, {"days_since_last_visit": 31}),
    "emma": (0.10, 0.10, {"net_amount_365d": 900.0, "country": "France"}),
    "finn": (0.55, 0.55, {"refund_share_365d": 0.6}),  # medium already: the warning adds nothing
}
USUAL = {
    "is_eligible": True,
    "days_since_last_paid_order": 20,
    "days_since_first_paid_order": 400,
    "paid_orders_365d": 4,
    "paid_days_365d": 4,
    "net_amount_365d": 200.0,
    "order_value_mean_365d": 50.0,
    "days_since_last_visit": 2,
    "country": "China",
}


def feature_columns() -> list[dict[str, Any]]:
    models = yaml.safe_load(FEATURES_YAML.read_text(encoding="utf-8"))["models"]
    return next(model["columns"] for model in models if model["name"] == "user_features")


def seed(name: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def write_features(shop: Shop) -> None:
    columns = ", ".join(f"{column['name']} {column['data_type']}" for column in feature_columns())
    shop.write(f"create schema features; create table features.user_features ({columns})")
    for day in (FIRST, SECOND):
        for user, (*_, own) in USERS.items():
            row = {"as_of_date": day, "user_id": user, **USUAL, **own}
            values = ", ".join("null" if value is None else f"'{value}'" for value in row.values())
            shop.write(f"insert into features.user_features ({', '.join(row)}) values ({values})")


def write_scores(shop: Shop, ledger: Ledger, day: date, **changed: str) -> str:
    """Write the day's scores and copy the ledger's facts, as a scoring run does; return the run id."""
    run = ledger.begin_run("score", "sample_shop", day)
    shop.write(
        "create table if not exists ml.churn_scores (as_of_date date, user_id varchar, "
        "churn_probability double, churn_percentile double, churn_decile integer, "
        + ", ".join(
            f"reason_{n}_code varchar, reason_{n}_value double, reason_{n}_contribution double"
            for n in (1, 2, 3)
        )
        + ", model_version varchar, horizon_days integer, run_id varchar);"
        f"delete from ml.churn_scores where as_of_date = '{day}'"
    )
    with open_build(shop.settings) as connection:
        prepare_tables(connection)
    for user, (first, second, _) in USERS.items():
        probability = changed.get(user, str(first if day == FIRST else second))
        shop.write(
            f"insert into ml.churn_scores values ('{day}', '{user}', '{probability}', 50, 5, "
            "'days_since_last_paid_order', 20.4, 0.3, 'country', null, -0.1, null, null, null, "
            f"'model-1', 90, '{run.run_id}')"
        )
    copy_control_tables(shop.settings, ledger, run)
    return run.run_id


def decide(ledger: Ledger, version: str, day: date, verdict: str) -> None:
    ledger.record_model(
        Model(
            version, "sample_shop", day, 90, "boosted_trees", "challenger", version, definition_id=DEFINITION
        )
    )
    champion = None if verdict == "promoted" else "model-1"
    ledger.record_decision(version, verdict, f"{version} was {verdict}.", judged_against=champion)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Two days built one after the other, the first with every dbt test and unit test."""
    shop = Shop(tmp_path_factory.mktemp("risk"))
    # what campaigns look at besides features and scores: consents, orders, messages, none of them here
    history = ["path:models/staging/sample_shop", "path:models/intermediate/history", "complaint_words"]
    command = ["build", "--quiet", "--resource-type", "model", "--resource-type", "seed", "--select"]
    run_dbt(shop.settings, [*command, *history], dbt_vars(shop.settings, [FIRST]))
    write_features(shop)
    with Ledger.open(shop.settings) as ledger:
        earlier = ledger.begin_run("features", "sample_shop", FIRST)
        ledger.record_delivery(
            Delivery(
                delivery_id="sample_shop-20260629",
                delivery_number=1,
                source="sample_shop",
                delivery_date=FIRST,
                known_on=FIRST,
                status="accepted",
                rows_received=10,
                rows_accepted=7,
                rows_quarantined=2,
                rows_duplicate=1,
                quarantine_reasons={"not_a_number": 2},
            ),
            [],
        )
        ledger.record_gate_results(
            earlier.run_id, [GateResult("features", "features.user_features", "features_are_finite", True)]
        )
        for version, day, verdict in (
            ("model-1", FIRST, "promoted"),
            ("model-2", SECOND, "kept"),
            ("model-3", SECOND + timedelta(days=1), "kept"),
        ):
            decide(ledger, version, day, verdict)
        write_scores(shop, ledger, FIRST)
        run_dbt(shop.settings, ["build", "--quiet", "--selector", "risk"], dbt_vars(shop.settings, [FIRST]))
        write_scores(shop, ledger, SECOND)
    shop.build("risk", SECOND)
    return shop


def tiers(shop: Shop, day: date) -> dict[str, tuple[Any, ...]]:
    rows = shop.rows(
        f"select user_id, risk_tier, tier_reason, previous_risk_tier, tier_since from {HISTORY} "
        "where as_of_date = ?",
        day,
    )
    return {row[0]: row[1:] for row in rows}


def test_tiers_follow_cutoffs_warnings_and_the_day_before(shop: Shop) -> None:
    assert tiers(shop, FIRST) == {
        "anna": ("high", "model", None, FIRST),
        "ben": ("high", "model", None, FIRST),
        "carla": ("high", "complaint_unanswered", None, FIRST),
        "dirk": ("medium", "no_visit", None, FIRST),
        "emma": ("low", "model", None, FIRST),
        "finn": ("medium", "model", None, FIRST),
    }
    second = tiers(shop, SECOND)
    assert second["anna"] == ("high", "model", "high", FIRST)
    assert second["ben"] == ("medium", "model", "high", SECOND)
    assert second["dirk"] == ("medium", "no_visit", "medium", FIRST)


def test_the_list_holds_the_latest_risky_users_ranked_and_explained(shop: Shop) -> None:
    rows = shop.rows(
        "select risk_rank, user_id, as_of_date, tier_sentence_en, reason_1_sentence_en, "
        "reason_1_sentence_zh, reason_2_sentence_en, reason_3_sentence_en "
        "from reporting.at_risk_users order by risk_rank"
    )
    assert [row[:2] for row in rows] == [(1, "anna"), (2, "carla"), (3, "ben"), (4, "finn"), (5, "dirk")]
    assert {row[2] for row in rows} == {SECOND}
    anna, carla = rows[0], rows[1]
    assert anna[3] == "No order in the next 90 days: 72 %"
    assert carla[3] == "A complaint of the last 30 days has no answer"
    assert anna[4:] == (
        "Time since the last paid order: 20 days (raises the risk)",
        "距上次付款订单：20 天（提高流失风险）",
        "Country: China (lowers the risk)",
        None,
    )


def test_the_consequences_of_the_tiers_are_told_for_every_day(shop: Shop) -> None:
    rows = shop.rows(
        "select risk_tier, tier_mode, cutoff, users, users_by_warning, expected_churners, "
        "expected_precision, expected_recall from reporting.tier_consequences where as_of_date = ?",
        SECOND,
    )
    found = {row[0]: row[1:] for row in rows}
    # in all 0.72 + 0.60 + 0.20 + 0.20 + 0.10 + 0.55 = 2.37 churners are expected
    assert found["high"] == ("cutoff", 0.72, 2, 1, *(pytest.approx(x) for x in (0.92, 0.46, 0.92 / 2.37)))
    assert found["medium"] == ("cutoff", 0.55, 3, 1, *(pytest.approx(x) for x in (1.35, 0.45, 1.35 / 2.37)))
    assert found["low"] == ("cutoff", None, 1, 0, *(pytest.approx(x) for x in (0.1, 0.1, 0.1 / 2.37)))
    told = shop.rows("select as_of_date, count(*) from reporting.tier_consequences group by 1 order by 1")
    assert told == [(FIRST, 3), (SECOND, 3)]


def test_decisions_are_told_from_the_day_that_they_matter_for(shop: Shop) -> None:
    told = shop.rows(
        "select challenger, champion, verdict, decided_for, definition_id, reason, decided_by "
        "from reporting.model_decisions order by decision_number"
    )
    assert told == [
        ("model-1", None, "promoted", FIRST, DEFINITION, "model-1 was promoted.", "training"),
        ("model-2", "model-1", "kept", SECOND, DEFINITION, "model-2 was kept.", "training"),
    ]


def test_what_no_model_has_written_yet_is_empty_and_breaks_no_day(shop: Shop) -> None:
    tables = ("churn_scores_by_definition", "model_backtest", "model_slices", "model_health", "model_curves")
    for table in tables:
        assert shop.rows(f"select count(*) from reporting.{table}") == [(0,)]


def test_a_contact_is_worth_what_it_is_expected_to_save(shop: Shop) -> None:
    (policy,) = [row for row in seed("tier_policy") if row["is_in_force"] == "true"]
    ((probability, value, gain),) = shop.rows(
        f"select churn_probability, value_if_staying, expected_gain from {HISTORY} "
        "where user_id = 'anna' and as_of_date = ?",
        FIRST,
    )
    assert (probability, value) == (0.8, pytest.approx(50.0))
    expected = 0.8 * value * float(policy["assumed_save_rate"]) - float(policy["contact_cost"])
    assert gain == pytest.approx(expected)


def test_value_tiers_and_lifecycle_come_from_the_seeds(shop: Shop) -> None:
    rows = shop.rows(
        f"select user_id, value_tier, lifecycle_status, predicted_value from {HISTORY} where as_of_date = ?",
        FIRST,
    )
    values = {row[0]: row[1:] for row in rows}
    assert values["emma"][:2] == ("high", "active")
    assert values["anna"][:2] == ("low", "active")
    assert values["anna"][2] == pytest.approx(0.2 * 1 * 50)


def test_one_run_id_runs_through_all_that_is_published(shop: Shop) -> None:
    told = shop.rows("select run_id, users_scored, users_high from reporting.run_info")
    ((run_id, users, high),) = told
    assert (users, high) == (6, 2)
    for table in ("reporting.at_risk_users", "reporting.churn_scores_history", HISTORY):
        assert shop.rows(f"select distinct run_id from {table} where as_of_date = ?", SECOND) == [(run_id,)]


def test_the_quality_report_tells_deliveries_reasons_and_rules(shop: Shop) -> None:
    report = shop.rows(
        "select report_kind, is_good, rows_received, rows_quarantined, rule "
        "from reporting.data_quality_report "
        "where report_kind in ('delivery', 'gate_rule', 'quarantine_reason') order by 1"
    )
    assert report == [
        ("delivery", True, 10, 2, None),
        ("gate_rule", True, None, None, "features_are_finite"),
        ("quarantine_reason", False, None, 2, "not_a_number"),
    ]


def test_a_day_run_again_gives_the_same_rows_and_a_score_that_is_nan_none(shop: Shop) -> None:
    before = shop.digest(f"(select * exclude (run_id) from {HISTORY})")
    with Ledger.open(shop.settings) as ledger:
        write_scores(shop, ledger, FIRST)
        shop.build("risk", FIRST)
        assert shop.digest(f"(select * exclude (run_id) from {HISTORY})") == before
        write_scores(shop, ledger, SECOND, anna="nan")
    with pytest.raises(ContractBreach, match="NOT NULL constraint failed"):
        shop.build("risk", SECOND)
    assert shop.digest(f"(select * exclude (run_id) from {HISTORY})") == before


def test_every_published_column_is_described(shop: Shop) -> None:
    described = {}
    for path in (PROJECT / "models" / "marts").glob("**/_*__models.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            described[model["name"]] = {
                column["name"]: column.get("description", "") for column in model.get("columns", [])
            }
    described["user_features_latest"] = described["user_features"]
    assert PUBLISHED_TABLES
    for table in PUBLISHED_TABLES:
        schema, name = table.relation.split(".")
        columns = shop.rows(
            "select column_name from duckdb_columns() where schema_name = ? and table_name = ?", schema, name
        )
        assert columns, table.relation
        for (column,) in columns:
            description = described[name].get(column, "")
            assert "NULL" in description, f"{name}.{column} does not say what NULL means: {description!r}"
