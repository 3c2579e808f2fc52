"""A score request is one user's rows in the contract's tables, or it is refused with its wrong cell."""

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from serving.problems import Problem
from serving.scoring.rows import arrow_table, read_request
from warehouse.contract import load_contract
from warehouse.settings import REPOSITORY

CONTRACT = load_contract(REPOSITORY / "dbt_project")
DAY = date(2026, 6, 30)
ORDER = {"order_id": "o1", "ordered_at": "2026-05-01T12:00:00Z", "status": "paid", "gross_amount": 10.5}
LINE = {"order_id": "o1", "line_number": 1, "product_id": "p1", "quantity": 1, "unit_price": 10.5}


def read(tables: object, **more: object) -> Any:
    return read_request(json.dumps({"user_id": "u1", "tables": tables, **more}).encode(), CONTRACT, DAY)


def refused(tables: object, **more: object) -> Problem:
    with pytest.raises(Problem) as caught:
        read(tables, **more)
    return caught.value


def test_rows_are_typed_and_belong_to_the_user_and_are_known_on_the_day():
    request = read({"orders": [ORDER], "order_items": [LINE]})
    (row,) = request.rows["orders"]
    assert row["ordered_at"] == datetime(2026, 5, 1, 12)
    assert (row["user_id"], row["known_on"], row["superseded_on"]) == ("u1", DAY, None)
    assert set(row) == {*CONTRACT["orders"].columns, "known_on", "superseded_on"}
    table = arrow_table(CONTRACT["orders"], request.rows["orders"])
    assert table.column("gross_amount").to_pylist() == [row["gross_amount"]]
    assert table.num_columns == len(row)


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"orders": [{**ORDER, "gross": 1}]}, 'orders row 1 has an unknown column "gross"'),
        ({"orders": [ORDER, {**ORDER, "order_id": 2}]}, "orders row 2, column order_id must be a text"),
        ({"orders": [{**ORDER, "gross_amount": "10"}]}, 'column gross_amount must be a number: found "10"'),
        ({"orders": [{**ORDER, "status": "lost"}]}, "must be one of paid, cancelled, refunded, pending"),
        ({"orders": [{**ORDER, "status": None}]}, "orders row 1, column status must be there: found null"),
        ({"orders": [{**ORDER, "ordered_at": None}]}, "column ordered_at must be there"),
        ({"orders": [{**ORDER, "user_id": "u2"}]}, "must be the user of the request"),
        ({"orders": [ORDER, {**ORDER, "gross_amount": 9}]}, 'orders rows 1 and 2 have the same key "o1"'),
        ({"orders": [{**ORDER, "known_on": "2026-06-02", "superseded_on": "2026-06-01"}]}, "before known_on"),
        ({"orders": [17]}, "orders row 1 must be an object: found 17"),
        (
            {"order_items": [LINE]},
            "order_items row 1, column order_id names no order of the request",
        ),
        (
            {"consents": [{"purpose": "profiling", "changed_at": "2026-05-01T12:00:00Z"}]},
            "granted must be",
        ),
        ({"invoices": []}, 'table "invoices" cannot be sent'),
        ({"products": []}, 'table "products" cannot be sent'),
        ({"users": [{"user_id": "u1"}, {"user_id": "u1"}]}, "users rows 1 and 2 have the same key"),
    ],
)
def test_a_row_that_breaks_the_contract_is_named_with_its_cell(tables, told):
    problem = refused(tables)
    assert (problem.status, problem.code) == (422, "rows_break_the_contract")
    assert told in problem.detail


def test_only_the_first_faults_are_told_and_long_values_are_cut():
    problem = refused({"orders": [{**ORDER, "order_id": f"o{n}", "status": "x" * 500} for n in range(50)]})
    assert problem.detail.count("must be one of") == 10
    assert "and 1 more" in problem.detail
    assert "x" * 60 not in problem.detail


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "not a JSON document"),
        (b"[]", "must be a JSON object"),
        (b'{"user_id": "u1", "tables": {}, "tables": {}}', "names a field twice"),
        (b'{"user_id": "u1", "tables": {"orders": [{"gross_amount": NaN}]}}', "NaN is no number"),
        (b'{"user_id": "u1", "tables": []}', "tables must be an object"),
        (b'{"user_id": "u1", "tables": {"orders": {}}}', "tables must be an object with a list"),
        (b'{"user_id": 7, "tables": {}}', "user_id must be a text"),
        (b'{"user_id": "", "tables": {}}', "user_id must be a text"),
        (b'{"user_id": "u1", "tables": {}, "with_features": 1}', "with_features must be true or false"),
        (b'{"user_id": "u1", "tables": {}, "as_of_date": "now"}', "as_of_date must be a day"),
        (b'{"user_id": "u1", "tables": {}, "model": "x"}', '"model" is no field of a score request'),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"user_id": "\xff"}', "not a JSON document"),
        (
            b'{"user_id": "u1", "tables": {"orders": [{"gross_amount": ' + b"9" * 5000 + b"}]}}",
            "JSON document",
        ),
    ],
)
def test_another_body_is_refused_with_what_is_wrong(body, told):
    with pytest.raises(Problem) as caught:
        read_request(body, CONTRACT, DAY)
    assert (caught.value.status, caught.value.code) == (400, "invalid_request")
    assert told in caught.value.detail


def test_too_many_rows_are_refused_before_any_is_read():
    assert refused({"events": [None] * 20_001}).status == 413


def test_a_day_out_of_reach_is_refused():
    assert read({}).as_of_date == DAY
    assert read({}, as_of_date="2026-07-31").as_of_date == DAY + timedelta(days=31)
    problem = refused({}, as_of_date="2026-08-01")
    assert (problem.status, problem.code) == (422, "day_out_of_reach")
    assert "from 2025-06-30 to 2026-07-31" in problem.detail


def test_versions_that_follow_each_other_are_one_row_each_day():
    old = {**ORDER, "known_on": "2026-05-01", "superseded_on": "2026-05-20"}
    new = {**ORDER, "status": "refunded", "known_on": "2026-05-20"}
    assert len(read({"orders": [new, old]}).rows["orders"]) == 2
    assert "same key" in refused({"orders": [{**old, "superseded_on": "2026-05-21"}, new]}).detail


def test_the_newest_word_on_profiling_counts_whatever_the_day():
    def said(*words: tuple[str, bool], **more: object) -> list[dict[str, object]]:
        return [
            {"purpose": "profiling", "changed_at": f"2026-{day}T10:00:00Z", "granted": granted, **more}
            for day, granted in words
        ]

    def objects(*rows: dict[str, object]) -> bool:
        word = read({"consents": list(rows)}).word_on_profiling
        return word is not None and not word[1]

    assert read({"consents": []}).word_on_profiling is None
    assert objects(*said(("05-01", False)))
    assert objects(*said(("05-01", True), ("05-02", False)))
    assert not objects(*said(("05-01", False), ("05-02", True)))
    # said after the published evening: it holds at once
    assert objects(*said(("05-01", True), ("07-01", False)))
    assert not objects(*said(("05-01", False), superseded_on="2026-06-30"), *said(("05-02", True)))
    assert not objects({"purpose": "email", "changed_at": "2026-05-01T10:00:00Z", "granted": False})
