"""G2: what is sent to be scored is data, whatever it says: no name and no value of it becomes SQL."""

import json
from pathlib import Path

import duckdb
import pytest

from serving.problems import Problem
from serving.scoring.rows import arrow_table, read_request
from tests.serving.scoring.tiny_program import DAY, STAGED_USERS, tiny_context, tiny_program
from warehouse.feature_program import FeatureScratch
from warehouse.reading import open_scratch

PROGRAM = tiny_program()
HOSTILE = (
    "u'; drop table staging.stg_tiny_shop__users; --",
    "9 union all select content from read_text('/etc/passwd')",
    "{{ env_var('HOME') }}",
    "$1",
    "\"); copy (select 1) to 'x.csv'; --",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_g2_a_hostile_value_comes_out_as_it_went_in(text):
    body = json.dumps({"user_id": text, "tables": {"users": [{"country": text}]}}).encode()
    request = read_request(body, PROGRAM.contract, DAY)
    with open_scratch() as connection:
        scratch = FeatureScratch(connection, PROGRAM, tiny_context())
        scratch.features({"users": arrow_table(PROGRAM.contract["users"], request.rows["users"])}, DAY)
        row = scratch.row_of(text)
        assert row is not None
        assert (row["user_id"], row["country"], row["orders"]) == (text, text, 0)
        assert connection.execute(f"select count(*) from {STAGED_USERS}").fetchall() == [(1,)]


@pytest.mark.parametrize("text", HOSTILE)
def test_g2_a_hostile_name_is_refused_before_there_is_any_sql(text):
    for tables in ({text: [{}]}, {"users": [{text: 1}]}):
        with pytest.raises(Problem) as caught:
            read_request(json.dumps({"user_id": "u", "tables": tables}).encode(), PROGRAM.contract, DAY)
        assert caught.value.status == 422
    body = json.dumps({"user_id": "u", "tables": {}, text: 1}).encode()
    with pytest.raises(Problem) as caught:
        read_request(body, PROGRAM.contract, DAY)
    assert caught.value.status == 400


def test_g2_where_users_are_scored_no_file_can_be_reached(tmp_path: Path):
    canary = tmp_path / "canary.txt"
    canary.write_text("secret")
    with open_scratch() as connection:
        for statement in (
            f"select * from read_text('{canary}')",
            f"copy (select 1) to '{tmp_path / 'out.csv'}'",
            f"attach '{tmp_path / 'other.duckdb'}'",
            "set enable_external_access = true",
        ):
            with pytest.raises((duckdb.PermissionException, duckdb.InvalidInputException)):
                connection.execute(statement)
    assert [path.name for path in tmp_path.iterdir()] == ["canary.txt"]
