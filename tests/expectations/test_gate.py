"""The gates pass clean data, and say what is wrong, and where, in any other."""

import pytest

from expectations.gate import run_gate
from tests.expectations.clean_shop import (
    DAY,
    DEFINITION_SCORES,
    FEATURES,
    LIST,
    ORDERS,
    RAW,
    SCORES,
    TIERS,
    Shop,
    spoiled_gate,
)
from warehouse.connections import open_build
from warehouse.errors import GateFailure

GATES = ("raw", "features", "scores", "risk")
OF_TODAY = f"as_of_date = '{DAY}'"
ONE_TIER = f"update {TIERS} set risk_tier = %s where as_of_date = '{DAY}'"


def closed(shop: Shop, gate: str) -> str:
    with pytest.raises(GateFailure) as failure:
        run_gate(shop.settings, shop.ledger, shop.run, gate, [DAY], write_docs=False)
    return str(failure.value)


@pytest.mark.parametrize("gate", GATES)
def test_clean_data_pass(shop: Shop, gate: str) -> None:
    report = run_gate(shop.settings, shop.ledger, shop.run, gate, [DAY])
    assert report.failures == ()
    assert len(report.results) >= 5
    assert len(shop.ledger.gate_results(shop.run.run_id)) == len(report.results)
    assert list((shop.settings.data_docs / "online_retail" / gate).rglob("index.html"))


def test_several_days_pass_at_once(shop: Shop) -> None:
    days = [DAY.replace(day=day) for day in (7, 8, 9)]
    for gate in ("features", "scores"):
        run_gate(shop.settings, shop.ledger, shop.run, gate, days, write_docs=False)
    shop.spoil(f"delete from {SCORES} where as_of_date = '2011-09-08'")
    with pytest.raises(GateFailure, match="no score on 2011-09-08"):
        run_gate(shop.settings, shop.ledger, shop.run, "scores", days, write_docs=False)


def test_the_build_file_can_be_written_after_a_gate(shop: Shop) -> None:
    run_gate(shop.settings, shop.ledger, shop.run, "scores", [DAY], write_docs=False)
    with open_build(shop.settings) as connection:
        connection.execute("create table written_after_the_gate (i int)")


def test_a_closed_gate_names_rule_table_column_value_and_remedy(shop: Shop) -> None:
    message, _ = spoiled_gate(
        shop,
        "features",
        f"update {FEATURES} set net_amount_365d = 100 * net_amount_365d where as_of_date = '{DAY}'",
    )
    assert "features_keep_their_unit in features.user_features.net_amount_365d" in message
    assert "on 2011-09-09, expected a median about" in message
    assert "To do: compare the two days" in message


@pytest.mark.parametrize(
    ("gate", "table"),
    [
        ("raw", RAW),
        ("features", FEATURES),
        ("features", ORDERS),
        ("scores", SCORES),
        ("scores", DEFINITION_SCORES),
        ("risk", TIERS),
        ("risk", LIST),
    ],
)
def test_an_empty_a_missing_and_a_crippled_table_close_the_gate(shop: Shop, gate: str, table: str) -> None:
    shop.spoil(f"create table kept as from {table}", f"delete from {table}")
    assert f" in {table}" in closed(shop, gate)
    shop.spoil(f"drop table {table}")
    assert f"the_table_exists in {table}: found no table" in closed(shop, gate)
    column = "InvoiceDate" if gate == "raw" else "user_id"
    shop.spoil(f'create table {table} as select * exclude ("{column}") from kept')
    assert f"found no column {column} in {table}" in closed(shop, gate)


def test_a_day_that_was_not_built_closes_the_gate(shop: Shop) -> None:
    message, _ = spoiled_gate(shop, "features", f"delete from {FEATURES} where as_of_date = '{DAY}'")
    assert "every_day_has_eligible_users" in message


def test_a_gate_that_is_asked_for_no_day_is_closed(shop: Shop) -> None:
    with pytest.raises(GateFailure, match="asked to check no day"):
        run_gate(shop.settings, shop.ledger, shop.run, "features", [])


def test_features_that_the_shop_cannot_have_may_be_empty(shop: Shop) -> None:
    shop.spoil(f"update {FEATURES} set sessions_90d = 3 where as_of_date < '{DAY}'")
    assert run_gate(shop.settings, shop.ledger, shop.run, "features", [DAY], write_docs=False).failures == ()


@pytest.mark.parametrize(
    ("statement", "rule", "column"),
    [
        (
            f"delete from {TIERS} where as_of_date = '{DAY}' and user_id = 'u3'",
            "everybody_scored_has_a_tier",
            None,
        ),
        (ONE_TIER % "'dire'" + " and user_id = 'u3'", "tiers_are_known_ones", "risk_tier"),
        (ONE_TIER % "null" + " and user_id = 'u3'", "nobody_is_without_a_tier", "risk_tier"),
        (ONE_TIER % "'high'", "no_tier_holds_nearly_everybody", "risk_tier"),
        (ONE_TIER % "'high'" + " and hash(user_id) % 2 = 0", "tier_shares_are_as_usual", "risk_tier"),
        (f"delete from {LIST}", "the_list_is_not_empty", None),
        (f"delete from {LIST} where user_id = 'u99'", "the_list_is_complete", None),
        (f"update {LIST} set run_id = 'an older run'", "the_list_is_of_one_run", "run_id"),
        (
            f"update {LIST} set reason_1_sentence_en = '' where user_id = 'u99'",
            "everybody_listed_has_a_reason",
            "reason_1_sentence_en",
        ),
    ],
)
def test_spoiled_risk_tables_close_the_gate(
    shop: Shop, statement: str, rule: str, column: str | None
) -> None:
    message, failed = spoiled_gate(shop, "risk", statement)
    assert (rule, column) in failed
    assert rule in message


def test_a_column_that_comes_and_goes_with_promotions_closes_no_gate(shop: Shop) -> None:
    """Like coupon codes: in a tenth of the rows for weeks, in none for days, and one leftover at last."""
    changed = shop.spoil(
        f"""update {RAW} set "Description" = case when rowid % 10 = 0 then 'code ' || rowid % 990 end""",
        f"""update {RAW} set "Description" = null where known_on > '{DAY}'::date - 9
            and not (known_on = '{DAY}' and "InvoiceNo" = 'I0-0' and "StockCode" = 'P0')""",
    )
    assert changed >= 9 * 200 - 1
    assert run_gate(shop.settings, shop.ledger, shop.run, "raw", [DAY], write_docs=False).failures == ()


def test_a_definition_without_a_model_yet_scores_nobody(shop: Shop) -> None:
    assert (
        shop.spoil(f"delete from {DEFINITION_SCORES} where definition_id = 'paid_order_90d_active_90d'") > 0
    )
    assert run_gate(shop.settings, shop.ledger, shop.run, "scores", [DAY], write_docs=False).failures == ()


def test_the_low_tier_may_hold_nearly_everybody_where_people_set_the_limits(shop: Shop) -> None:
    shop.spoil(f"delete from {LIST} where user_id <> 'u99'")
    low = ONE_TIER % "'low', tier_mode = 'capacity'" + " and user_id <> 'u99'"
    shop.spoil(low, ONE_TIER % "'high', tier_mode = 'capacity'" + " and user_id = 'u99'")
    assert run_gate(shop.settings, shop.ledger, shop.run, "risk", [DAY], write_docs=False).failures == ()
    shop.spoil(f"update {TIERS} set tier_mode = 'cutoff'")
    assert "no_tier_holds_nearly_everybody" in closed(shop, "risk")


def test_a_day_is_held_against_days_of_the_same_tier_mode(shop: Shop) -> None:
    shop.spoil(ONE_TIER % "risk_tier, tier_mode = 'capacity'")
    jump = f"update {TIERS} set risk_tier = 'medium' where as_of_date < '{DAY}' and hash(user_id) % 2 = 0"
    shop.spoil(jump)
    assert run_gate(shop.settings, shop.ledger, shop.run, "risk", [DAY], write_docs=False).failures == ()
    shop.spoil(f"update {TIERS} set tier_mode = 'cutoff'")
    assert "tier_shares_are_as_usual" in closed(shop, "risk")


OF_A_USER = "where user_id = 'u3' and definition_id = 'paid_order_90d_active_90d'"


@pytest.mark.parametrize(
    ("statement", "rule", "column"),
    [
        (f"delete from {DEFINITION_SCORES} {OF_A_USER}", "everybody_a_definition_asks_of_is_scored", None),
        (
            f"delete from {DEFINITION_SCORES} where definition_id = 'paid_order_90d_active_90d' "
            f"and as_of_date = '{DAY}'",
            "everybody_a_definition_asks_of_is_scored",
            None,
        ),
        (
            f"delete from {DEFINITION_SCORES} where definition_id = 'paid_order_90d' and {OF_TODAY}",
            "the_definition_that_drives_the_tiers_is_among_them",
            None,
        ),
        (
            f"insert into {DEFINITION_SCORES} select * replace ('u119' as user_id) from {DEFINITION_SCORES} "
            f"{OF_A_USER}",
            "a_definition_scores_nobody_else",
            None,
        ),
        (
            f"insert into {DEFINITION_SCORES} from {DEFINITION_SCORES} {OF_A_USER}",
            "a_definition_scores_nobody_twice",
            None,
        ),
        (
            f"update {DEFINITION_SCORES} set churn_probability = 'nan' {OF_A_USER}",
            "churn_probability_can_be_used",
            "churn_probability",
        ),
        (
            f"update {DEFINITION_SCORES} set churn_decile = 11 {OF_A_USER}",
            "churn_decile_can_be_used",
            "churn_decile",
        ),
        (
            f"update {DEFINITION_SCORES} set churn_probability = 0.5 where definition_id = 'paid_order_90d' "
            "and user_id = 'u3'",
            "one_model_says_one_thing_of_a_user",
            "churn_probability",
        ),
    ],
)
def test_spoiled_scores_by_definition_close_the_gate(
    shop: Shop, statement: str, rule: str, column: str | None
) -> None:
    message, failed = spoiled_gate(shop, "scores", statement)
    assert (rule, column) in failed
    assert f"{rule} in {DEFINITION_SCORES}" in message
