"""From a delivery during the day to alerts and a refreshed list, and what the day itself makes of it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.homes import environment
from tests.end_to_end.refreshed_home import (
    DAY,
    KILLED,
    NEXT_DAY,
    build_day,
    land,
    make_home,
    one_round,
    settings_of,
)
from warehouse.connections import open_build, open_read_only
from warehouse.ingest import ingest
from warehouse.intraday import NotNow, raised_alerts
from warehouse.intraday.memory import mark_told
from warehouse.ledger import Ledger
from warehouse.publish import check, current_snapshot, daily_snapshot, read_manifest
from warehouse.publish.manifest import DATABASE_NAME
from warehouse.settings import REPOSITORY, Settings

# What differs between two runs of one day that are otherwise the same.
OF_THE_RUN = ("run_id", "epoch")
FEATURES_OF_THE_SHOP = {"personal_window_days"}
COMPARED = (
    "features.user_features",
    "ml.churn_scores",
    "risk.user_risk_tiers_history",
    "reporting.at_risk_users",
    "alerts.risk_alerts",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one published day, and what is delivered during the next one."""
    home = tmp_path_factory.mktemp("refresh") / "made"
    settings = make_home(home)
    users = rows(
        settings, "select user_id from user_risk_tiers where risk_tier = 'low' order by user_id limit 4"
    )
    (complains,), (leaves,), (misses,), (objects,) = users
    with open_build(settings) as connection:
        (dear,) = connection.execute(
            "select product_id from staging.stg_sample_shop__products order by list_price desc limit 1"
        ).fetchone() or ("",)
    said = [
        (complains, "This is unacceptable, I want to complain."),
        (misses, "Where is my parcel?"),
        (objects, "This is unacceptable, I want to complain."),
    ]
    messages = [
        {
            "message_id": f"late-{number}",
            "conversation_id": f"late-{number}",
            "user_id": user,
            "sent_at": f"{NEXT_DAY} 09:30:00",
            "sender": "user",
            "message_text": text,
            "satisfaction": None,
        }
        for number, (user, text) in enumerate(said)
    ]
    head = "event_id,user_id,session_id,occurred_at,event_type,product_id,duration_seconds,device\n"
    acts = [
        f"late-1,{leaves},late,{NEXT_DAY} 09:00:00,add_to_cart,{dear},20,desktop",
        f"late-2,{misses},late-2,{NEXT_DAY} 11:00:00,page_view,,5,desktop",
    ]
    objection = f"user_id,purpose,changed_at,granted\n{objects},profiling,{NEXT_DAY} 08:00:00,false\n"
    late = {
        "support_messages": "".join(json.dumps(message) + "\n" for message in messages),
        "events": head + "\n".join(acts) + "\n",
        "consents": objection,
    }
    (home / "late.json").write_text(
        json.dumps({"files": late, "users": [complains, leaves, misses, objects]})
    )
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Settings:
    """A copy, with the late files landed."""
    shutil.copytree(made, tmp_path / "home", symlinks=True)
    settings = settings_of(tmp_path / "home")
    land(settings, "late", late_of(settings)["files"])
    return settings


@pytest.fixture(scope="module")
def refreshed(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A copy that was refreshed once; tests only read it."""
    home = tmp_path_factory.mktemp("refreshed") / "home"
    shutil.copytree(made, home, symlinks=True)
    settings = settings_of(home)
    land(settings, "late", late_of(settings)["files"])
    one_round(settings)
    yield settings


def late_of(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((settings.home / "late.json").read_text())
    return found


def rows(settings: Settings, query: str, folder: Path | None = None) -> list[tuple[Any, ...]]:
    with open_read_only((folder or current_snapshot(settings)) / DATABASE_NAME) as connection:
        return connection.execute(query).fetchall()


def test_a_complaint_a_basket_and_a_missing_parcel_are_told_and_an_objection_is_kept(
    refreshed: Settings,
) -> None:
    complains, leaves, misses, objects = late_of(refreshed)["users"]
    told = rows(
        refreshed,
        f"select user_id, alert_kind, since_date, as_of_date from risk_alerts "
        f"where raised_at::date > date '{NEXT_DAY}' and alert_kind <> 'tier_rose' order by all",
    )
    expected = {(complains, "complaint"), (leaves, "large_basket_abandoned"), (misses, "delivery_failed")}
    assert {(user, kind) for user, kind, *_ in told} == expected
    assert {day for *_, day in told} == {NEXT_DAY}
    assert not rows(
        refreshed, f"from risk_alerts where user_id = '{objects}' and as_of_date = date '{NEXT_DAY}'"
    )
    assert {one.alert_id for one in raised_alerts(refreshed)} == {
        alert_id for (alert_id,) in rows(refreshed, "select alert_id from risk_alerts")
    }


def test_an_unanswered_complaint_raises_the_tier_and_the_rise_is_told(refreshed: Settings) -> None:
    complains = late_of(refreshed)["users"][0]
    tier = "select risk_tier, previous_risk_tier, tier_reason, as_of_date, tier_since from user_risk_tiers"
    assert rows(refreshed, f"{tier} where user_id = '{complains}'") == [
        ("high", "low", "complaint_unanswered", DAY, NEXT_DAY)
    ]
    rose = f"select risk_tier from risk_alerts where user_id = '{complains}' and alert_kind = 'tier_rose'"
    assert rows(refreshed, rose) == [("high",)]


def test_the_refreshed_list_is_whole_and_says_what_it_is(refreshed: Settings) -> None:
    snapshot, daily = current_snapshot(refreshed), daily_snapshot(refreshed)
    assert check(refreshed).run_id == snapshot.name != daily.name
    info = "select is_intraday, derived_from_run_id, refreshed_as_of_date, as_of_date, kind from run_info"
    assert rows(refreshed, info) == [(True, daily.name, NEXT_DAY, DAY, "refresh")]
    ranks = rows(refreshed, "select risk_rank from at_risk_users order by risk_rank")
    assert ranks and [rank for (rank,) in ranks] == list(range(1, len(ranks) + 1))
    counted = "select risk_tier, count(*) from user_risk_tiers group by all order by all"
    told = "select risk_tier, users from tier_consequences where users > 0 order by all"
    assert rows(refreshed, counted) == rows(refreshed, told)
    assert read_manifest(snapshot).position > read_manifest(daily).position
    untouched = "select count(*) from user_risk_tiers where run_id = "
    assert rows(refreshed, f"{untouched}'{daily.name}'")[0][0] > 50
    assert 0 < rows(refreshed, f"{untouched}'{snapshot.name}'")[0][0] <= 10
    described = "select count(*) from duckdb_columns() where table_name = 'at_risk_users' and comment is null"
    assert rows(refreshed, described) == rows(refreshed, described, daily)


def test_the_refreshed_tiers_are_those_of_their_history_and_users_are_still_found_at_once(
    refreshed: Settings,
) -> None:
    of_the_day = f"from user_risk_tiers_history where as_of_date = '{DAY}'"
    assert rows(refreshed, "from user_risk_tiers order by user_id") == rows(
        refreshed, f"{of_the_day} order by user_id"
    )
    indexed = {table for (table,) in rows(refreshed, "select table_name from duckdb_indexes()")}
    daily = "select table_name from duckdb_indexes()"
    assert indexed == {table for (table,) in rows(refreshed, daily, daily_snapshot(refreshed))}
    assert {"at_risk_users", "user_risk_tiers"} <= indexed


def test_a_refresh_writes_nothing_into_the_build_file_but_what_ingest_writes(
    made: Path, refreshed: Settings, tmp_path: Path
) -> None:
    shutil.copytree(made, tmp_path / "ingested", symlinks=True)
    ingested = settings_of(tmp_path / "ingested")
    land(ingested, "late", late_of(ingested)["files"])
    with Ledger.open(ingested) as ledger:
        ingest(ingested, ledger, progress=lambda _line: None)
    tables = {one: everything(one) for one in (ingested, refreshed)}
    assert len(tables[ingested]) > 40
    assert tables[refreshed] == tables[ingested]


def everything(settings: Settings) -> dict[str, list[str]]:
    """Return every row of every table of the build file but the one that knows when files were written."""
    with open_build(settings) as connection:
        names = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where database_name = current_database() and table_name <> 'file_hashes'"
        ).fetchall()
        return {name: sorted(map(repr, connection.execute(f"from {name}").fetchall())) for (name,) in names}


def test_another_round_finds_nothing_new(refreshed: Settings, tmp_path: Path) -> None:
    shutil.copytree(refreshed.home, tmp_path / "again", symlinks=True)
    again = settings_of(tmp_path / "again")
    before = raised_alerts(again)
    mark_told(again, [one.alert_id for one in before])
    with pytest.raises(NotNow, match="touches nobody"):
        one_round(again)
    assert raised_alerts(again) == before
    assert current_snapshot(again).name == current_snapshot(refreshed).name


@pytest.fixture(scope="module")
def next_days(made: Path, refreshed: Settings, tmp_path_factory: pytest.TempPathFactory) -> list[Settings]:
    """The day after, built by the daily line from the same deliveries: without a refresh, and after one."""
    built = []
    for name, source in (("without", made), ("with", refreshed.home)):
        home = tmp_path_factory.mktemp("next") / name
        shutil.copytree(source, home, symlinks=True)
        settings = settings_of(home)
        if name == "without":
            land(settings, "late", late_of(settings)["files"])
        with Ledger.open(settings) as ledger:
            build_day(settings, ledger, NEXT_DAY)
        built.append(settings)
    return built


def test_the_day_is_built_as_if_nobody_had_refreshed(next_days: list[Settings]) -> None:
    without, with_refresh = ({table: of_the_day(one, table) for table in COMPARED} for one in next_days)
    assert all(without.values())
    assert with_refresh == without


def test_the_next_daily_list_overtakes_the_refreshed_one_and_keeps_its_alerts(
    refreshed: Settings, next_days: list[Settings]
) -> None:
    after = next_days[1]
    assert read_manifest(current_snapshot(after)).as_of_date == NEXT_DAY
    kept = dict(rows(after, "select alert_id, raised_at from risk_alerts"))
    raised = raised_alerts(refreshed)
    assert raised
    assert all(kept[one.alert_id] == one.raised_at for one in raised)


def test_touched_users_have_the_features_that_the_daily_line_gives_them(
    refreshed: Settings, next_days: list[Settings]
) -> None:
    users = late_of(refreshed)["users"]
    listed = ", ".join(map(repr, users))
    names = [name for name, *_ in rows(refreshed, "describe user_features_latest")]
    # what the shop as a whole says stays that of the list until the next day
    left_out = {"as_of_date", "run_id", *FEATURES_OF_THE_SHOP}
    columns = ", ".join(f'"{name}"' for name in names if name not in left_out)
    query = f"select {columns} from user_features_latest where user_id in ({listed}) order by user_id"
    ours, daily = rows(refreshed, query), rows(next_days[0], query)
    assert len(daily) == len(users)
    assert repr(ours) == repr(daily)


def of_the_day(settings: Settings, table: str) -> list[str]:
    with open_build(settings) as connection:
        names = [name for name, *_ in connection.execute(f"describe {table}").fetchall()]
        columns = ", ".join(f'"{name}"' for name in names if name not in OF_THE_RUN)
        found = connection.execute(
            f"select {columns} from {table} where as_of_date = date '{NEXT_DAY}'"
        ).fetchall()
    return sorted(map(repr, found))


def test_a_round_that_is_killed_at_any_boundary_raises_each_alert_once(home: Settings) -> None:
    for boundary in (
        "warehouse.intraday.memory.Memory.keep",
        "dags.wiring.refreshing._publish",
        "warehouse.publish.publisher._finish",
    ):
        killed = subprocess.run(
            [sys.executable, "-m", "tests.end_to_end.refreshed_home", str(home.home), boundary],
            cwd=REPOSITORY,
            env=environment(home.home) | {"HOLDFAST_DEFINITION": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert killed.returncode == KILLED, killed.stderr[-2000:]
    # the last one had recorded its snapshot: the next publish finishes it, or this round makes another
    done = one_round(home)
    alerts = [one.alert_id for one in raised_alerts(home)]
    assert len(alerts) == len(set(alerts)) > 2
    assert {one.alert_id for one in done.alerts} <= set(alerts)
    published = rows(home, "select alert_id from risk_alerts")
    assert sorted(alert_id for (alert_id,) in published) == sorted(alerts)
    check(home)
