import json

import numpy as np
import pandas as pd
import pytest

from ml.features import (
    FeatureContract,
    check_not_emptied,
    check_schema,
    discover_features,
    fit_contract,
    prepare,
)
from tests.ml.makers import FEATURES, FEATURES_WITH_HISTORY, INPUTS, SCHEMA, make_rows, with_history
from warehouse.errors import ContractBreach

DAY = pd.Timestamp("2024-06-01").date()


@pytest.fixture
def rows():
    return make_rows(DAY, 400)


@pytest.fixture
def contract(rows):
    return fit_contract(rows, FEATURES)


def test_inputs_are_what_the_table_has_minus_keys_and_dates():
    schema = [*SCHEMA, ("last_visit_date", "DATE"), ("seen_at", "TIMESTAMP"), ("tags", "VARCHAR[]")]
    assert [feature.name for feature in discover_features(schema)] == INPUTS


def test_empty_and_constant_columns_are_left_out_with_the_reason(rows):
    contract = fit_contract(rows.assign(gap_mean_days=7.0), FEATURES)
    assert contract.left_out == {
        "nothing_known": "NULL in every training row",
        "gap_mean_days": "constant in training: 7.0",
    }
    assert "gap_mean_days" not in contract.names


@pytest.mark.parametrize(("users", "is_read"), [(19, False), (20, True)])
def test_an_input_is_read_from_twenty_users_on(rows, users, is_read):
    known = rows["paid_orders_90d"].where(rows.index < users)
    twice = pd.concat([rows.assign(gap_mean_days=known)] * 2, ignore_index=True)
    contract = fit_contract(twice, FEATURES)
    assert ("gap_mean_days" in contract.names) == is_read
    if not is_read:
        told = "known of fewer than 20 users, or in less than 0.2% of rows"
        assert contract.left_out["gap_mean_days"] == told


def test_an_input_that_is_known_everywhere_is_read_however_few_users_there_are():
    contract = fit_contract(make_rows(DAY, 12), FEATURES)
    assert "paid_orders_90d" in contract.names


def test_an_input_that_one_row_in_a_thousand_has_is_left_out(rows):
    many = pd.concat([rows] * 63, ignore_index=True)
    few = many.assign(gap_mean_days=many["paid_orders_90d"].where(many.index < 25))
    assert "gap_mean_days" in fit_contract(few, FEATURES).left_out


def test_text_that_nobody_shares_is_left_out(rows):
    contract = fit_contract(rows.assign(country=rows["user_id"]), FEATURES)
    assert "country" in contract.left_out


def test_permuted_columns_are_put_in_order_by_name(rows, contract):
    permuted = rows[rows.columns[::-1]]
    pd.testing.assert_frame_equal(prepare(permuted, contract), prepare(rows, contract))


def test_a_missing_column_is_named(rows, contract):
    with pytest.raises(ContractBreach, match="paid_orders_90d"):
        prepare(rows.drop(columns="paid_orders_90d"), contract)


def test_a_column_of_another_type_is_named(rows, contract):
    with pytest.raises(ContractBreach, match="paid_orders_90d must be numeric"):
        prepare(rows.assign(paid_orders_90d=rows["paid_orders_90d"].astype(str)), contract)


def test_an_infinite_number_is_refused_and_null_is_not(rows, contract):
    prepare(rows.assign(gap_mean_days=np.nan), contract)
    with pytest.raises(ContractBreach, match="gap_mean_days holds an infinite number"):
        prepare(rows.assign(gap_mean_days=np.inf), contract)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ([column for column in SCHEMA if column[0] != "country"], "country is missing"),
        ([(name, "VARCHAR" if name == "paid_orders_30d" else kind) for name, kind in SCHEMA], "is VARCHAR"),
    ],
)
def test_a_feature_table_that_does_not_fit_is_refused(contract, schema, said):
    check_schema(SCHEMA, contract)
    with pytest.raises(ContractBreach, match=said):
        check_schema(schema, contract)


def test_an_input_that_became_null_for_everybody_is_refused(rows, contract):
    check_not_emptied(rows, contract)
    with pytest.raises(ContractBreach, match="paid_orders_90d"):
        check_not_emptied(rows.assign(paid_orders_90d=np.nan), contract)


def test_a_country_never_seen_becomes_other_and_an_unknown_one_stays_unknown(rows, contract):
    country = prepare(rows.head(3).assign(country=["DE", "Atlantis", None]), contract)["country"]
    assert country.astype(object).where(country.notna(), "NULL").tolist() == ["DE", "(other)", "NULL"]


def test_a_contract_survives_json(contract):
    read_back = FeatureContract.from_json(contract.to_json())
    assert read_back == contract
    assert read_back.schema_hash == contract.schema_hash


@pytest.fixture
def contract_with_rhythm(rows):
    return fit_contract(with_history(rows), FEATURES_WITH_HISTORY, horizon_days=30)


def test_a_purchase_rhythm_is_appended_to_the_inputs(rows, contract_with_rhythm):
    inputs = prepare(with_history(rows), contract_with_rhythm)
    assert inputs.columns.tolist() == contract_with_rhythm.input_names
    derived = ["probability_alive", "expected_orders_30d", "no_order_probability_30d"]
    assert inputs.columns[-3:].tolist() == derived
    assert not set(derived) & set(contract_with_rhythm.names)
    assert inputs[derived].notna().all(axis=None)
    assert inputs["no_order_probability_30d"].between(0, 1).all()
    assert list(contract_with_rhythm.derived_themes) == derived


def test_the_rhythm_is_fitted_without_labels_and_does_not_depend_on_the_rows_scored(
    rows, contract_with_rhythm
):
    relabelled = with_history(rows).assign(churned=1)
    assert fit_contract(relabelled, FEATURES_WITH_HISTORY, horizon_days=30) == contract_with_rhythm
    whole = prepare(with_history(rows), contract_with_rhythm)
    part = prepare(with_history(rows).iloc[7:19], contract_with_rhythm)
    pd.testing.assert_frame_equal(whole.iloc[7:19].reset_index(drop=True), part)


@pytest.mark.parametrize("column", ["paid_days_lifetime", "days_since_first_paid_order"])
def test_without_a_purchase_history_there_is_no_rhythm(rows, column):
    features = [feature for feature in FEATURES_WITH_HISTORY if feature.name != column]
    contract = fit_contract(with_history(rows), features, horizon_days=30)
    assert contract.rhythm is None
    assert contract.input_names == contract.names


def test_an_impossible_history_has_no_rhythm_but_a_score(rows, contract_with_rhythm):
    odd = with_history(rows).head(3).assign(paid_days_lifetime=[0.0, np.nan, 2.0])
    odd["days_since_first_paid_order"] = odd["days_since_last_paid_order"] + [5.0, 5.0, -5.0]
    inputs = prepare(odd, contract_with_rhythm)
    assert inputs[list(contract_with_rhythm.derived_themes)].isna().all(axis=None)


def test_a_contract_with_a_rhythm_survives_json_and_has_a_hash_of_its_own(rows, contract_with_rhythm):
    read_back = FeatureContract.from_json(json.loads(json.dumps(contract_with_rhythm.to_json())))
    assert read_back == contract_with_rhythm
    assert read_back.schema_hash == contract_with_rhythm.schema_hash
    plain = fit_contract(with_history(rows), FEATURES_WITH_HISTORY)
    assert plain.names == contract_with_rhythm.names
    assert plain.schema_hash != contract_with_rhythm.schema_hash


def test_a_candidate_may_read_some_columns_only_even_constant_ones(rows):
    constant = rows.assign(days_since_last_paid_order=7.0)
    contract = fit_contract(constant, FEATURES).reading(FEATURES, ["days_since_last_paid_order", "country"])
    assert contract.names == ["days_since_last_paid_order", "country"]
    assert contract.features[1].categories == ("DE", "FR", "GB")
