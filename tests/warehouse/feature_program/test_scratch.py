"""Where single users' features are made: plans are made once, and hold for every user."""

import duckdb
import pytest

from warehouse.feature_program.scratch import _check_plans_hold
from warehouse.reading import open_scratch


def test_a_connection_whose_plans_depend_on_the_rows_is_refused() -> None:
    with open_scratch() as connection:
        _check_plans_hold(connection)
    with duckdb.connect() as connection, pytest.raises(ValueError, match="open_scratch"):
        _check_plans_hold(connection)


def test_a_plan_that_was_made_without_rows_sees_those_that_come() -> None:
    with open_scratch() as connection:
        connection.execute("create table rows (user_id varchar, n integer)")
        connection.execute("create table sums (user_id varchar, n bigint, newest integer)")
        connection.execute(
            "prepare fill as insert into sums "
            "select user_id, sum(n), max(n) from rows where n > 1 group by all"
        )
        for numbers in ([], [1, 2, 3], [70_000, 2]):
            connection.execute("delete from rows")
            connection.execute("delete from sums")
            connection.execute("insert into rows select 'u', unnest(?::integer[])", [numbers])
            connection.execute("execute fill")
            counted = [number for number in numbers if number > 1]
            wanted = [("u", sum(counted), max(counted))] if counted else []
            assert connection.execute("from sums").fetchall() == wanted
