"""The features' SQL, compiled once, gives a few users the features that the daily run gives them."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest

from tests.warehouse.dbt_makers import Shop, random_deliveries
from warehouse.connections import open_build, open_new_with_build, open_read_only
from warehouse.errors import ContractBreach, DamagedFile
from warehouse.feature_program import (
    FEATURES,
    PROGRAM_NAME,
    SHOP_GAPS,
    FeatureProgram,
    FeatureScratch,
    load_context,
    write_scoring_files,
)
from warehouse.feature_program.compiling import compile_program, current_program, keep_program
from warehouse.feature_program.program import program_file
from warehouse.reading import open_scratch
from warehouse.settings import Settings

FIRST_DAY = date(2024, 3, 1)
DAYS, USERS = 50, 24
DAY = FIRST_DAY + timedelta(days=40)
LATER = FIRST_DAY + timedelta(days=DAYS)


def corrections(shop: Shop) -> dict[str, list[dict[str, object]]]:
    """Rows that change what was told: a late order, a cancelled one, another country, a promotion."""
    ((order_id, user_id, ordered_at, amount),) = shop.rows(
        "select order_id, user_id, ordered_at, gross_amount from raw.sample_shop__orders "
        "where status = 'paid' and user_id = 'u1' order by order_id limit 1"
    )
    common = {"user_id": user_id, "gross_amount": amount, "discount_amount": 0, "currency": "CNY"}
    return {
        "users": [{"user_id": "u1", "country": "SG", "birth_year": 1990}],
        "orders": [
            {**common, "order_id": order_id, "ordered_at": ordered_at, "status": "refunded"},
            {**common, "order_id": "o-late", "ordered_at": datetime(2024, 3, 9, 4), "status": "paid"},
        ],
        "order_items": [
            {"order_id": "o-late", "line_number": 1, "product_id": "p1", "quantity": 2, "unit_price": 3}
        ],
        "promotions": [
            {
                "promotion_id": "spring",
                "starts_on": date(2024, 3, 20),
                "ends_on": date(2024, 4, 2),
                "name": "Spring",
            }
        ],
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A shop whose day was built, with late rows and corrections from before the day and from after it."""
    shop = Shop(tmp_path_factory.mktemp("home"))
    for known_on, tables in random_deliveries(FIRST_DAY, DAYS, USERS, seed=3):
        shop.deliver(known_on, **tables)
        if known_on == DAY - timedelta(days=3):
            shop.deliver(known_on, **corrections(shop))
    # the day must not know what came after it
    shop.deliver(LATER, **corrections(shop))
    shop.build("features", DAY)
    return SimpleNamespace(shop=shop, program=current_program(shop.settings))


@pytest.fixture
def scratch() -> Iterator[duckdb.DuckDBPyConnection]:
    with open_scratch() as connection:
        yield connection


def daily_features(built: SimpleNamespace, users: list[str] | None = None) -> list[tuple[object, ...]]:
    rows = built.shop.rows(f"select * from {FEATURES} where as_of_date = ? order by user_id", DAY)
    assert len(rows) >= USERS - 2
    return [row for row in rows if users is None or row[1] in users]


def staged_rows(built: SimpleNamespace, name: str, users: list[str]) -> pa.Table:
    """Return the staged rows of some users, as somebody would send them."""
    program = built.program
    columns = [*program.contract[name].columns, "known_on", "superseded_on"]
    of_users = "user_id in (select unnest($users))"
    if name == "order_items":
        of_users = f"order_id in (select order_id from {program.staged('orders')} where {of_users})"
    with open_build(built.shop.settings) as connection:
        return connection.execute(
            f"select {', '.join(columns)} from {program.staged(name)} where {of_users}", {"users": users}
        ).to_arrow_table()


def scoring_files(built: SimpleNamespace, folder: Path, day: date = DAY) -> str | None:
    folder.mkdir()
    with open_new_with_build(built.shop.settings, folder / "holdfast.duckdb") as connection:
        return write_scoring_files(connection, built.shop.settings, day, folder)


def test_from_raw_rows_it_gives_every_user_the_features_of_the_daily_run(built, scratch):
    built.program.create_raw_tables(scratch)
    built.program.create_seeds(scratch)
    with open_build(built.shop.settings) as connection:
        for table in built.program.raw_tables:
            rows = connection.execute(f"select * from {table.relation}").to_arrow_table()
            scratch.register("rows", rows)
            scratch.execute(f"insert into {table.relation} by name select * from rows")
            scratch.unregister("rows")
    assert built.program.run(scratch, DAY).order("user_id").fetchall() == daily_features(built)


def test_the_rows_of_one_user_give_that_users_features_late_rows_and_old_versions_included(built, tmp_path):
    """u1 has a late order, a refunded one and a country that changed, before the day and again after it."""
    assert scoring_files(built, tmp_path / "snapshot") is None
    context = load_context(tmp_path / "snapshot", built.program)
    names = [
        name for name in built.program.staged_tables if "user_id" in built.program.contract[name].columns
    ]
    with open_scratch() as connection:
        scratch = FeatureScratch(connection, built.program, context)
        found = []
        for user in ("u1", "u2", "u1", "u7"):
            rows = {name: staged_rows(built, name, [user]) for name in [*names, "order_items"]}
            scratch.features(rows, DAY)
            assert connection.execute(f"select count(*) from {FEATURES}").fetchall() == [(1,)]
            found.append(tuple((scratch.row_of(user) or {}).values()))
    first, second, again, seventh = found
    assert [first, second, seventh] == daily_features(built, ["u1", "u2", "u7"])
    assert again == first


def test_what_a_few_users_cannot_tell_changes_their_features(built, scratch):
    """Without the shop's mean gap a personal window is another one: the parity above is no accident."""
    given = built.program.create_staged_tables(scratch)
    built.program.create_seeds(scratch)
    with open_build(built.shop.settings) as connection:
        ((user,),) = connection.execute(
            f"select user_id from {FEATURES} where as_of_date = ? and personal_window_days is not null "
            "order by purchase_gap_mean_days, user_id limit 1",
            [DAY],
        ).fetchall()
    for name in ("orders", "users"):
        scratch.register("rows", staged_rows(built, name, [user]))
        local = ", timezone('Asia/Shanghai', timezone('UTC', ordered_at)) as local_at"
        scratch.execute(
            f"insert into {built.program.staged(name)} by name "
            f"select *{local if name == 'orders' else ''} from rows"
        )
        scratch.unregister("rows")
    assert SHOP_GAPS in {model.relation for model in built.program.steps(given)}
    (row,) = built.program.run(scratch, DAY, given=given).select("personal_window_days").fetchall()
    ((daily,),) = built.shop.rows(
        f"select personal_window_days from {FEATURES} where as_of_date = ? and user_id = ?", DAY, user
    )
    assert row[0] != daily


def test_one_program_serves_any_day(built):
    """Compiled for another day it is the same: the day stands nowhere but where it is marked."""
    assert compile_program(built.shop.settings, date(2222, 2, 22)) == built.program
    marked = [model for model in built.program.models if "<as_of_date>" in model.sql]
    assert {"intermediate.int_users_observed", "intermediate.int_profiles_known"} <= {
        model.relation for model in marked
    }
    assert all("<as_of_date>" not in model.query(DAY) for model in marked)


def test_it_is_compiled_again_only_when_the_project_has_changed(built, monkeypatch):
    compiled = []
    monkeypatch.setattr("warehouse.feature_program.compiling.compile_program", compiled.append)
    assert current_program(built.shop.settings) == built.program
    assert compiled == []
    monkeypatch.setattr("warehouse.feature_program.compiling.fingerprint_of", lambda _: "of another project")
    with pytest.raises(AttributeError):  # what is kept in its place is nothing here
        current_program(built.shop.settings)
    assert compiled == [built.shop.settings]


def test_a_changed_program_is_refused(built, tmp_path):
    path = tmp_path / PROGRAM_NAME
    path.write_bytes(built.program.to_bytes())
    assert FeatureProgram.load(path) == built.program
    path.write_bytes(path.read_bytes().replace(b"paid_days > 0", b"paid_days >= 0"))
    with pytest.raises(DamagedFile, match="was changed since it was written"):
        FeatureProgram.load(path)
    path.write_bytes(b"[]")
    with pytest.raises(DamagedFile, match="cannot be read"):
        FeatureProgram.load(path)
    with pytest.raises(DamagedFile, match="cannot be read"):
        FeatureProgram.load(tmp_path / "nowhere.json")


def test_a_relation_that_is_none_of_the_programs_is_refused(built):
    with pytest.raises(ContractBreach, match=r"no such relation.*stg_other_shop__users"):
        built.program.steps(["staging.stg_other_shop__users"])


def test_the_context_knows_what_the_day_knew_and_nothing_later(built, tmp_path):
    assert scoring_files(built, tmp_path / "snapshot") is None
    context = load_context(tmp_path / "snapshot", built.program)
    assert context.as_of_date == DAY
    promotions = context.tables["promotions"].to_pylist()
    assert [(row["promotion_id"], row["superseded_on"]) for row in promotions] == [("spring", None)]
    assert context.shop_gap_mean_days is not None
    assert context.shop_gap_mean_days > 0
    with open_read_only(built.shop.settings.build_file) as connection:
        stored = connection.execute(f"select shop_gap_mean_days from {SHOP_GAPS}").fetchall()
    assert stored == [(context.shop_gap_mean_days,)]


def test_a_day_whose_features_are_others_gets_no_program(built, tmp_path):
    reason = scoring_files(built, tmp_path / "unbuilt", DAY - timedelta(days=1))
    assert "does not know" in str(reason)
    kept = program_file(built.shop.settings)
    before = kept.read_bytes()
    try:
        other = FeatureProgram.from_bytes(before)
        renamed = {
            "visits_30d" if name == "sessions_30d" else name: kind for name, kind in other.features.items()
        }
        kept.write_bytes(FeatureProgram(**{**vars(other), "features": renamed}).to_bytes())
        reason = scoring_files(built, tmp_path / "other")
        assert "other SQL than the program's (sessions_30d, visits_30d)" in str(reason)
        kept.unlink()
        assert "no feature program is kept" in str(scoring_files(built, tmp_path / "none"))
    finally:
        kept.write_bytes(before)
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == ["holdfast.duckdb"]


def test_a_project_whose_sql_cannot_stand_alone_keeps_no_program(tmp_path, monkeypatch):
    settings = Settings.from_environment({"HOLDFAST_HOME": str(tmp_path), "HOLDFAST_SOURCE": "sample_shop"})
    program_file(settings).parent.mkdir(parents=True)
    program_file(settings).write_bytes(b"of another project")

    def refuse(_: Settings) -> None:
        raise duckdb.CatalogException("control.exact_duplicates does not exist")

    monkeypatch.setattr("warehouse.feature_program.compiling.compile_program", refuse)
    assert "exact_duplicates" in str(keep_program(settings))
    assert not program_file(settings).exists()
