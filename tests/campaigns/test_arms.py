import duckdb
import pytest

from campaigns.arms import arm, bucket


def test_python_and_sql_draw_the_same_number() -> None:
    users = [f"u{number}" for number in range(500)] + ["", "ü:一", "a b'c"]
    with duckdb.connect() as connection:
        drawn = connection.execute(
            "select cast('0x' || left(md5('salt' || ':' || 'exp' || ':' || user_id), 13) as bigint) "
            "/ cast(4503599627370496 as double) from (select unnest($users) as user_id)",
            {"users": users},
        ).fetchall()
    assert [row[0] for row in drawn] == [bucket("salt", "exp", user) for user in users]


def test_the_number_is_spread_evenly_and_is_another_in_another_experiment() -> None:
    users = [f"u{number}" for number in range(20_000)]
    shares = [sum(bucket(salt, "e", user) < 0.3 for user in users) / len(users) for salt in ("a", "b")]
    both = sum(bucket("a", "e", user) < 0.3 and bucket("b", "e", user) < 0.3 for user in users) / len(users)
    assert shares == pytest.approx([0.3, 0.3], abs=0.01)
    assert both == pytest.approx(0.09, abs=0.01)
    assert min(bucket("a", "e", user) for user in users) >= 0


def test_the_share_is_held_out_and_the_rest_is_treated() -> None:
    assert arm("s", "e", "u", 0.0) == "treatment"
    assert arm("s", "e", "u", 1.0) == "holdout"
