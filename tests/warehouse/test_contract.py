"""The contract that Python knows is the one that the SQL holds."""

from warehouse.contract import KEYS, load_contract
from warehouse.dbt_project import CONTRACT_TABLES
from warehouse.settings import REPOSITORY

CONTRACT = load_contract(REPOSITORY / "dbt_project")


def test_every_table_of_the_contract_has_a_key_among_its_columns():
    assert tuple(KEYS) == CONTRACT_TABLES == tuple(CONTRACT)
    assert all(set(table.key) <= set(table.columns) for table in CONTRACT.values())


def test_columns_and_types_are_read_from_the_macro():
    orders = CONTRACT["orders"]
    assert list(orders.columns)[:3] == ["order_id", "user_id", "ordered_at"]
    assert orders.columns["gross_amount"] == "decimal(18, 4)"
    assert orders.happened_at == "ordered_at"
    assert list(orders.version_columns) == ["local_at", "known_on", "superseded_on", "changed_by_delivery"]


def test_a_description_has_no_moment_at_which_it_happened():
    users = CONTRACT["users"]
    assert users.happened_at is None
    assert list(users.version_columns) == ["known_on", "superseded_on", "changed_by_delivery"]


def test_keys_are_those_that_the_staging_models_declare():
    folder = REPOSITORY / "dbt_project" / "models" / "staging" / "sample_shop"
    for name, key in KEYS.items():
        text = (folder / f"stg_sample_shop__{name}.sql").read_text(encoding="utf-8")
        assert f"unique_key={key[0]!r}" in text or f"unique_key={list(key)}" in text, name
