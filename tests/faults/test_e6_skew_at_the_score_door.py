"""E6: users are scored on demand by features of one kind only, those of the program and of the model."""

import json
from types import SimpleNamespace

import pytest

from ml.features import Feature, FeatureContract
from ml.on_demand import check_fit
from serving.problems import Problem
from serving.scoring.rows import arrow_table, read_request
from tests.serving.scoring.tiny_program import DAY, tiny_context, tiny_program
from warehouse.errors import ContractBreach, DamagedFile
from warehouse.feature_program import FeatureProgram, FeatureScratch
from warehouse.reading import open_scratch

PROGRAM = tiny_program()
ORDER = {"order_id": "o1", "ordered_at": "2026-06-01T12:00:00Z", "status": "paid", "gross_amount": 10.5}


def features_of(orders: list[dict[str, object]]) -> object:
    body = json.dumps({"user_id": "u1", "tables": {"users": [{"country": "CN"}], "orders": orders}}).encode()
    request = read_request(body, PROGRAM.contract, DAY)
    tables = {name: arrow_table(PROGRAM.contract[name], rows) for name, rows in request.rows.items()}
    with open_scratch() as connection:
        scratch = FeatureScratch(connection, PROGRAM, tiny_context())
        scratch.features(tables, DAY)
        row = scratch.row_of("u1")
        assert row is not None
        return row["orders"]


@pytest.mark.parametrize(
    "order",
    [
        {**ORDER, "gross_amount": "10.5"},
        {**ORDER, "gross_amount": True},
        {**ORDER, "ordered_at": 1780315200},
        {**ORDER, "ordered_at": "2026-06-01T12:00:00"},
        {**ORDER, "order_id": 1},
        {**ORDER, "amount_cents": 1050},
    ],
    ids=[
        "text for a number",
        "flag for a number",
        "number for a time",
        "no zone",
        "number for an id",
        "new column",
    ],
)
def test_e6_another_type_or_column_is_refused_at_the_door(order):
    assert features_of([ORDER]) == 1
    with pytest.raises(Problem) as caught:
        features_of([order])
    assert caught.value.code == "rows_break_the_contract"


def test_e6_columns_count_by_their_names_in_whichever_order_they_come():
    assert features_of([dict(reversed(ORDER.items()))]) == features_of([ORDER]) == 1


def test_e6_a_day_is_the_shops_and_not_the_servers():
    """16:30 UTC is half past midnight in Shanghai, on the day after."""
    assert features_of([{**ORDER, "ordered_at": "2026-06-30T15:30:00Z"}]) == 1
    assert features_of([{**ORDER, "ordered_at": "2026-06-30T16:30:00Z"}]) == 0
    assert features_of([{**ORDER, "ordered_at": "2026-07-01T00:30:00+08:00"}]) == 0


def test_e6_a_program_with_other_sql_is_refused():
    data = PROGRAM.to_bytes()
    assert FeatureProgram.from_bytes(data) == PROGRAM
    for before, after in (
        (b"count(*)", b"100 * count(*)"),
        (b"Asia/Shanghai", b"UTC"),
        (b"VARCHAR", b"DOUBLE"),
    ):
        assert before in data
        with pytest.raises(DamagedFile, match="was changed since it was written"):
            FeatureProgram.from_bytes(data.replace(before, after))


def test_e6_a_model_is_not_fed_features_that_it_was_not_trained_on():
    fitted = (Feature("country", "categorical", ("CN",)), Feature("orders", "numeric"))
    model = SimpleNamespace(contract=FeatureContract(fitted, {}))
    check_fit(PROGRAM.features, model)
    with pytest.raises(ContractBreach, match="orders is VARCHAR, not numeric"):
        check_fit({**PROGRAM.features, "orders": "VARCHAR"}, model)
    with pytest.raises(ContractBreach, match="country is missing"):
        check_fit({"orders": "BIGINT"}, model)
