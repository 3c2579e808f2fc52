"""A declaration is understood whole, or refused with the place and the remedy."""

from pathlib import Path

import pytest

from warehouse.errors import ContractBreach
from warehouse.sources import Source, load_source, parse_source

MINIMAL = """
sources:
  - name: shop
    config: {meta: {time_zone: Europe/London, currency: GBP}}
    tables:
      - name: orders
        config: {meta: {key: [order_id], event_time: ordered_at}}
        columns:
          - {name: order_id, data_type: id}
          - {name: ordered_at, data_type: timestamp}
          - {name: amount, data_type: decimal, config: {meta: {minimum: 0}}}
"""


def parse(text: str) -> Source:
    return parse_source(text, "shop", Path("_shop__sources.yml"))


@pytest.mark.parametrize("name", ["online_retail", "sample_shop"])
def test_the_declared_sources_can_be_read(name: str) -> None:
    source = load_source(name)
    assert source.name == name
    assert any(table.required for table in source.tables)


def test_the_simulated_shop_declares_the_whole_contract_with_contacts_in_the_vault() -> None:
    source = load_source("sample_shop")
    assert len(source.tables) == 14
    assert [table.name for table in source.tables if table.redacted] == ["user_contacts"]
    assert [table.name for table in source.tables if table.required] == ["events", "orders", "order_items"]


def test_what_is_not_said_has_a_default() -> None:
    table = parse(MINIMAL).table("orders")
    assert table.identifier == "shop__orders"
    assert table.columns[0].required
    assert table.columns[1].formats == ("iso8601",)
    assert table.columns[1].time_zone == "Europe/London"
    assert table.matches("orders.csv.gz") and not table.matches("order_items.csv")


def test_parents_come_before_the_tables_that_refer_to_them() -> None:
    names = [table.name for table in load_source("sample_shop").parents_first]
    assert names.index("orders") < names.index("order_items")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Europe/London", "Europe/Lodnon", "`time_zone` cannot be used. Found: 'Europe/Lodnon'"),
        ("currency: GBP", "currency: 5", "`currency` cannot be used"),
        (", currency: GBP", "", "`currency` is missing"),
        ("data_type: decimal", "data_type: money", "choose one of id, text, integer"),
        ("minimum: 0", "minimun: 0", "`minimun` cannot be used"),
        ("minimum: 0", "minimum: zero", "write a plain number"),
        ("key: [order_id]", "key: [id]", "`key` cannot be used. Found: 'id'"),
        ("event_time: ordered_at", "event_time: amount", "`event_time` cannot be used. Found: 'amount'"),
        ("timestamp", "timestamp, config: {meta: {format: '%d/%m'}}", "write a day with %Y"),
        ("name: amount", "name: known_on", "ingest itself adds"),
        ("name: amount", "name: Order_ID", "declares columns twice"),
        ("name: orders", "name: Orders", "use lower-case letters"),
        ("name: shop", "name: other", "declares no source named shop"),
        ("[order_id]", "[order_id], references: [{column: order_id, table: x}]", "refers to nothing"),
        ("columns:", "columnz:", "`columns` is missing"),
        ("sources:", "sources: [", "is not YAML"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_names_the_place_and_the_remedy(old: str, new: str, words: str) -> None:
    with pytest.raises(ContractBreach) as caught:
        parse(MINIMAL.replace(old, new, 1))
    assert words in str(caught.value)
    assert "_shop__sources.yml" in str(caught.value)
    assert "To do: " in str(caught.value)


def test_an_undeclared_source_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ContractBreach, match="sample_shop"):
        load_source("nowhere")
