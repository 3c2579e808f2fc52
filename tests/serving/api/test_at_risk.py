"""The at-risk list over HTTP: the same rows in every format, filtered, sorted, paged, of one run."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from serving.lists.columns import AT_RISK
from tests.serving.api.asking import CSV, NDJSON, PARQUET, WHOLE, Api, published
from tests.serving.published_shop import BEFORE, DAY, contracts, user_id
from warehouse.connections import open_read_only
from warehouse.publish.exports import export_list

PATH = "/v1/at-risk"


def exported(api: Api, folder: Path) -> Path:
    """Write the list as publish does, from the same snapshot."""
    published_file = api.shop.settings.warehouse.published / "current" / "holdfast.duckdb"
    copy = folder / "copy.duckdb"
    copy.write_bytes(published_file.resolve().read_bytes())
    with open_read_only(copy) as connection:
        export_list(connection, "at_risk_users", folder)
    return folder


def test_whole_lists_are_the_published_files(api: Api, tmp_path: Path) -> None:
    tool = api.tool("risk:read", fields=WHOLE)
    files = exported(api, tmp_path)
    for accept, suffix in ((NDJSON, "jsonl"), (CSV, "csv")):
        answer = tool.get(PATH, accept)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(accept)
        assert answer.content == (files / f"at_risk_users.{suffix}").read_bytes()
    table = pq.read_table(io.BytesIO(tool.get(PATH, PARQUET).content))
    assert table.num_rows == 28
    assert table.to_pylist() == pq.read_table(files / "at_risk_users.parquet").to_pylist()


def test_pages_of_json_hold_the_same_rows(api: Api) -> None:
    tool = api.tool("risk:read")
    lines = [json.loads(line) for line in tool.get(PATH, NDJSON).text.splitlines()]
    assert len(lines) == 28
    first = tool.get(PATH, limit=10).json()
    assert first["users"] == lines[:10]
    assert first["count"] == 10
    assert tool.users(PATH, limit=10) == [line["user_id"] for line in lines]


def test_an_answer_says_what_it_comes_from(api: Api) -> None:
    answer = api.tool("risk:read").get(PATH, limit=1)
    (run_id,) = api.shop.published
    told = answer.json()
    assert (told["run_id"], told["as_of_date"], told["stale"]) == (run_id, str(DAY), False)
    assert told["model_version"]
    assert told["age_hours"] < 1
    assert answer.headers["holdfast-run-id"] == run_id
    assert answer.headers["holdfast-stale"] == "false"


def test_a_list_compresses_and_is_validated(api: Api) -> None:
    tool = api.tool("risk:read")
    for accept in (NDJSON, CSV, "application/json"):
        tool.headers["Accept-Encoding"] = "identity"
        plain = tool.get(PATH, accept)
        assert "content-encoding" not in plain.headers
        tool.headers["Accept-Encoding"] = "gzip"
        packed = tool.get(PATH, accept)
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.content == plain.content
        assert packed.headers["etag"] != plain.headers["etag"]
        tool.headers["If-None-Match"] = f'"other", {packed.headers["etag"]}'
        again = tool.get(PATH, accept)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == packed.headers["etag"]
        del tool.headers["If-None-Match"]


def test_a_validator_is_of_one_question_and_one_set_of_fields(api: Api) -> None:
    few, all_of_it = api.tool("risk:read"), api.tool("risk:read", fields=WHOLE)
    tags = {
        few.get(PATH).headers["etag"],
        few.get(PATH, limit=2).headers["etag"],
        few.get(PATH, tier="high").headers["etag"],
        few.get(PATH, NDJSON).headers["etag"],
        all_of_it.get(PATH).headers["etag"],
    }
    assert len(tags) == 5


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ({"tier": "high"}, lambda row: row["risk_tier"] == "high"),
        ({"value_tier": ["high", "low"]}, lambda row: row["value_tier"] != "medium"),
        ({"lifecycle": "at_risk"}, lambda row: row["lifecycle_status"] == "at_risk"),
        ({"country": "CN"}, lambda row: row["country"] == "CN"),
        (
            {"tier": "medium", "value_tier": "high"},
            lambda row: (row["risk_tier"], row["value_tier"]) == ("medium", "high"),
        ),
    ],
)
def test_filters_keep_what_they_say(api: Api, asked, holds) -> None:  # type: ignore[no-untyped-def]
    tool = api.tool("risk:read", fields=WHOLE)
    everybody = [json.loads(line) for line in tool.get(PATH, NDJSON).text.splitlines()]
    wanted = [row["user_id"] for row in everybody if holds(row)]
    assert 0 < len(wanted) < len(everybody)
    assert tool.users(PATH, limit=3, **asked) == wanted


def test_reasons_and_days_filter_too(api: Api) -> None:
    tool = api.tool("risk:read")
    assert len(tool.users(PATH, reason="paid_orders_90d")) == 28
    assert len(tool.users(PATH, reason=["nothing", "model"])) == 28
    assert tool.users(PATH, reason="complaint_unanswered") == []
    assert len(tool.users(PATH, entered_since=str(DAY))) == 28
    assert tool.users(PATH, entered_since=str(DAY + timedelta(days=1))) == []


@pytest.mark.parametrize(
    "sort", ["churn_probability", "net_amount_365d", "tier_since", "user_id", "expected_gain"]
)
def test_pages_in_any_order_miss_nobody(api: Api, sort: str) -> None:
    tool = api.tool("risk:read")
    whole = [json.loads(line) for line in tool.get(PATH, NDJSON, sort=sort).text.splitlines()]
    values = [row[sort] for row in whole]
    assert values == sorted(values, reverse=sort != "user_id")
    assert tool.users(PATH, sort=sort, limit=3) == [row["user_id"] for row in whole]


def test_a_past_day_is_read_off_the_history(api: Api) -> None:
    answer = api.tool("risk:read").get(PATH, as_of_date=str(BEFORE), limit=1000).json()
    assert answer["as_of_date"] == str(BEFORE)
    # the third of ten was low on that day
    assert {user_id(number) for number in range(40) if number % 10 in (0, 1, 2, 4, 5, 6)} == {
        user["user_id"] for user in answer["users"]
    }
    assert [user["risk_rank"] for user in answer["users"]] == list(range(1, 25))
    assert answer["users"][0]["reason_1_sentence_en"] is None
    missing = api.tool("risk:read").get(PATH, as_of_date="2020-01-01")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_a_cursor_goes_on_in_its_run_across_a_publish(tmp_path: Path) -> None:
    with published(tmp_path) as api:
        tool = api.tool("risk:read")
        before = tool.users(PATH)
        first = tool.get(PATH, limit=20).json()
        (old,) = api.shop.published
        new = api.shop.publish(users=10)
        api.app.state.snapshots._look_at = 0.0
        second = tool.get(PATH, limit=20, cursor=first["next_cursor"]).json()
        assert (second["run_id"], tool.get(PATH).json()["run_id"]) == (old, new)
        assert [user["user_id"] for user in first["users"] + second["users"]] == before
        # once that run is gone, the page is gone, and the answer says so
        folder = api.shop.settings.warehouse.published / "snapshots" / old
        folder.rename(folder.with_name("elsewhere"))
        api.app.state.snapshots._opened[old].wanted_until = 0.0
        api.app.state.snapshots._close_unwanted()
        gone = tool.get(PATH, limit=20, cursor=first["next_cursor"])
        assert (gone.status_code, gone.json()["code"]) == (409, "run_gone")


@pytest.mark.parametrize(
    "spoil", [lambda text: text[:-2], lambda text: "A" + text[1:], lambda text: text[10:]]
)
def test_a_cursor_that_was_changed_is_refused(api: Api, spoil) -> None:  # type: ignore[no-untyped-def]
    tool = api.tool("risk:read")
    cursor = tool.get(PATH, limit=5).json()["next_cursor"]
    answer = tool.get(PATH, limit=5, cursor=spoil(cursor))
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_cursor")


def test_a_cursor_is_for_its_own_question_only(api: Api) -> None:
    tool = api.tool("risk:read")
    cursor = tool.get(PATH, limit=5).json()["next_cursor"]
    other_fields = api.tool("risk:read", fields=WHOLE)
    for asked in (tool.get(PATH, tier="high", cursor=cursor), other_fields.get(PATH, cursor=cursor)):
        assert (asked.status_code, asked.json()["code"]) == (409, "wrong_cursor")
    assert tool.get(PATH, CSV, cursor=cursor).status_code == 409


def test_old_lists_are_served_with_a_flag_and_refused_where_fresh_ones_are_wanted(tmp_path: Path) -> None:
    with published(tmp_path) as api:
        api.shop.publish(published_at=datetime.now(UTC) - timedelta(hours=40))
        api.app.state.snapshots._look_at = 0.0
        tool = api.tool("risk:read", "users:read")
        answer = tool.get(PATH, limit=1)
        assert (answer.status_code, answer.json()["stale"], answer.headers["holdfast-stale"]) == (
            200,
            True,
            "true",
        )
        for path in (PATH, f"/v1/users/{user_id(2)}/risk"):
            refused = tool.get(path, max_age_hours=24)
            assert (refused.status_code, refused.json()["code"]) == (409, "too_old")
            assert tool.get(path, max_age_hours=48).status_code == 200


def test_formats_that_nobody_makes_are_not_acceptable(api: Api) -> None:
    answer = api.tool("risk:read").get(PATH, "application/xml")
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("*/*", "application/json"),
        ("text/*", "text/csv"),
        ("application/json;q=0.5, application/x-ndjson", NDJSON),
        ("application/json;q=0, text/csv;q=0.1", "text/csv"),
        ("application/ndjson", NDJSON),
    ],
)
def test_the_best_liked_format_is_chosen(api: Api, accept: str, chosen: str) -> None:
    assert api.tool("risk:read").get(PATH, accept).headers["content-type"].startswith(chosen)


def test_a_key_without_the_field_set_sees_no_country_and_cannot_ask_about_it(api: Api) -> None:
    few, whole = api.tool("risk:read"), api.tool("risk:read", fields=WHOLE)
    assert "country" not in few.get(PATH, limit=1).json()["users"][0]
    assert "country" in whole.get(PATH, limit=1).json()["users"][0]
    header = next(csv.reader(io.StringIO(few.get(PATH, CSV).text)))
    assert "country" not in header
    refused = few.get(PATH, country="CN")
    assert (refused.status_code, refused.json()["code"]) == (403, "field_not_allowed")


def test_every_column_of_the_list_is_in_a_field_set() -> None:
    columns = {name for name, _ in contracts()["at_risk_users"]}
    assert columns == {*AT_RISK.risk, *AT_RISK.profile}


def test_streams_of_one_key_are_bounded_and_given_back(api: Api) -> None:
    tool = api.tool("risk:read")
    streams = api.app.state.streams
    for _ in range(5):
        assert tool.get(PATH, NDJSON).status_code == 200
    assert streams.open_now == 0
