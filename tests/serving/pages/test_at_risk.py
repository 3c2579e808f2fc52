"""The list as a page: the rows of the API, found, sorted, paged, exported, masked."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.keys import make_key
from tests.serving.published_shop import FORMULA_ID, HOSTILE_ID, PublishedShop


@pytest.fixture(scope="module")
def key(app: FastAPI) -> str:
    """A key of a tool that sees what a marketer sees."""
    ledger = app.state.ledger
    key, text = make_key(
        "tool", frozenset({"risk:read"}), now=ledger.clock(), by="test", field_sets=frozenset({"profile"})
    )
    ledger.add_key(key, by="test")
    return text


def ids_on(page: str) -> list[str]:
    return [part.split("</a>")[0].split(">")[1] for part in page.split('<a class="id" ')[1:]]


def exported(client: TestClient, address: str) -> list[dict[str, object]]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


FILTERS = ["", "tier=medium", "value_tier=high&lifecycle=active", "reason=paid_orders_90d", "country=CN",
           "entered_since=2026-06-30&sort=net_amount_365d", "tier=high&sort=user_id"]  # fmt: skip


@pytest.mark.parametrize("filters", FILTERS)
def test_the_export_is_what_the_api_answers_row_by_row(marketer: TestClient, key: str, filters: str) -> None:
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/x-ndjson"}
    answer = marketer.get(f"/v1/at-risk?{filters}", headers=headers)
    assert answer.status_code == 200, answer.text
    expected = [json.loads(line) for line in answer.text.splitlines()]
    assert expected
    assert exported(marketer, f"/at-risk/export?format=ndjson&{filters}") == expected
    page = marketer.get(f"/at-risk?{filters}").text
    assert f"{len(expected)} users" in page
    assert [row["user_id"] for row in expected if row["user_id"].startswith("u")] == [
        one for one in ids_on(page) if one.startswith("u")
    ]


def test_all_formats_hold_the_same_users(marketer: TestClient) -> None:
    lines = [row["user_id"] for row in exported(marketer, "/at-risk/export?format=ndjson")]
    assert len(lines) == 28
    table = pq.read_table(io.BytesIO(marketer.get("/at-risk/export?format=parquet").content))
    assert table.column("user_id").to_pylist() == lines
    answer = marketer.get("/at-risk/export?format=csv")
    assert answer.headers["content-disposition"].startswith('attachment; filename="at_risk_users-2026-06-30-')
    cells = [row["user_id"] for row in csv.DictReader(io.StringIO(answer.text, newline=""))]
    # a spreadsheet must not take it for a formula
    assert cells == [f"'{one}" if one == FORMULA_ID else one for one in lines]


def test_analysts_find_and_export_pseudonyms_only(analyst: TestClient, app: FastAPI) -> None:
    rows = exported(analyst, "/at-risk/export?format=ndjson")
    assert len(rows) == 28
    assert all(str(row["user_id"]).startswith("p-") for row in rows)
    assert len({row["user_id"] for row in rows}) == 28
    for format_ in ("csv", "parquet"):
        assert b"u0002" not in analyst.get(f"/at-risk/export?format={format_}").content
    page = analyst.get("/at-risk").text
    assert "u0002" not in page
    assert "exported by pseudonym" in page
    # an id that is known finds nobody: the answer would tell its pseudonym
    assert "Nobody fits" in analyst.get("/at-risk?search=u0002").text
    one = str(rows[5]["user_id"])
    assert ids_on(analyst.get(f"/at-risk?search={one}").text) == [one]
    assert app.state.ledger.audit_entries()[-1].details["is_masked"] == "true"


def test_every_export_is_in_the_audit(marketer: TestClient, app: FastAPI, shop: PublishedShop) -> None:
    marketer.get("/at-risk/export?format=csv&tier=high")
    entry = app.state.ledger.audit_entries()[-1]
    assert (entry.actor, entry.action, entry.subject) == (
        "person:marketer.one",
        "list.exported",
        "at_risk_users",
    )
    assert entry.details == {
        "format": "csv",
        "is_masked": "false",
        "run_id": shop.published[-1],
        "users": 16,
    }


def test_names_that_would_do_harm_are_shown_as_text(marketer: TestClient) -> None:
    page = marketer.get("/at-risk").text
    assert HOSTILE_ID not in page
    assert "&lt;script&gt;alert(&#39;id&#39;)&lt;/script&gt;" in page
    assert "</script><script>" not in page
    assert "<img src=x" not in page


def test_pages_cut_the_list_without_losing_or_repeating_anybody(marketer: TestClient) -> None:
    whole = ids_on(marketer.get("/at-risk?size=100").text)
    assert len(whole) == 28
    parts = [ids_on(marketer.get(f"/at-risk?size=25&page={number}").text) for number in (1, 2)]
    assert [len(part) for part in parts] == [25, 3]
    assert parts[0] + parts[1] == whole
    page = marketer.get("/at-risk?size=25&page=999999").text
    assert "Page 2 of 2" in page
    assert "26–28 of 28" in page


def test_a_form_without_script_sends_empty_fields_and_means_nothing_by_them(marketer: TestClient) -> None:
    empty = "search=&tier=&value_tier=&lifecycle=&reason=&country=&entered_since=&sort=risk_rank&size=50"
    assert "28 users at risk" in marketer.get(f"/at-risk?{empty}").text


def test_links_keep_what_was_asked(marketer: TestClient) -> None:
    page = marketer.get("/at-risk?tier=high&size=25&search=u00").text
    assert "/at-risk?tier=high&amp;search=u00&amp;size=25&amp;sort=churn_probability" in page
    assert "/at-risk/export?tier=high&amp;search=u00&amp;size=25&amp;format=csv" in page
    assert 'value="high" selected' in page


@pytest.mark.parametrize(
    "address", ["/at-risk?tier=low", "/at-risk?sort=password", "/at-risk?entered_since=yesterday",
                "/at-risk?reason='; drop table", "/at-risk/export?format=xlsx"],
)  # fmt: skip
def test_what_the_list_does_not_know_is_refused_as_a_page(marketer: TestClient, address: str) -> None:
    answer = marketer.get(address)
    assert answer.status_code == 400
    assert "The address holds something that cannot be used" in answer.text
    assert "drop table" not in answer.text


@pytest.mark.parametrize("search", ["%", "_", "'", "u' or 1=1 --", "\\"])
def test_what_is_searched_for_is_text_and_nothing_else(marketer: TestClient, search: str) -> None:
    found = ids_on(marketer.get("/at-risk", params={"search": search}).text)
    # of the ids only the two hostile ones have a quote
    assert len(found) == (2 if search == "'" else 0)


def test_where_nobody_fits_the_page_says_so(marketer: TestClient) -> None:
    page = marketer.get("/at-risk?search=nobody-of-this-name").text
    assert "Nobody fits these filters" in page
    assert "<table" not in page


def test_who_is_not_signed_in_gets_no_export(nobody: TestClient) -> None:
    answer = nobody.get("/at-risk/export?format=csv")
    assert answer.status_code == 303
    assert answer.content == b""
