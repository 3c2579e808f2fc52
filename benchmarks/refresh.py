"""From landing to alert: 10,000 touched users out of 1,000,000, step by step, on two cores.

A real day of a small simulated shop is multiplied in SQL: every user stands there so many times under other
ids, with all rows of the past, so that what a refresh reads and copies has the size of the large shop.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb

from benchmarks.measure import folder_bytes, in_own_process
from benchmarks.one_day import build_features, build_risk, made_up_model
from benchmarks.report import Figure, Section
from benchmarks.shop import Shop, environment_of, settings_of
from dags.wiring.refreshing import refresh
from ml.model import ChurnModel
from warehouse.connections import open_build
from warehouse.feature_program.compiling import current_program
from warehouse.intraday.risk_program import current_risk_program
from warehouse.ledger import Ledger
from warehouse.publish import publish
from warehouse.settings import Settings
from warehouse.sources import load_source
from warehouse.vault import sync_people

USERS, TOUCHED = 1_000_000, 10_000
SIMULATED_USERS, SIMULATED_DAYS = 5_000, 180
MOST_SECONDS = 60.0
# What names a row or a person: another name for every copy. Products and campaigns are the shop's own.
NAMES = (
    *("user_id", "order_id", "event_id", "session_id", "return_id", "review_id", "message_id"),
    *("conversation_id", "touch_id", "coupon_code", "redemption_id"),
)
# Tables of the build file beside the raw ones that a day leaves behind and a refresh or a publish reads.
DAY_TABLES = (
    "staging.stg_sample_shop__orders",
    "staging.stg_sample_shop__coupons",
    "features.user_features",
    "ml.churn_scores",
    "ml.definition_scores",
    "risk.user_risk_tiers_history",
    "risk.int_reasons_worded",
    "reporting.int_users_at_risk_listed",
    "alerts.risk_alerts",
)
HEAD = ("step", "seconds")


@dataclass(frozen=True)
class Round:
    """What one round took.

    Attributes
    ----------
    seconds : float
        From the first look at the landing folder to the pointer: work, without starting Python.
    steps : dict of str to float
        Seconds by step.
    users, touched, alerts : int
        On the list; touched; alerts raised.
    published_seconds : float
        What publishing the daily list of these users took.
    snapshot_megabytes : float
        Of the refreshed snapshot.
    """

    seconds: float
    steps: dict[str, float]
    users: int
    touched: int
    alerts: int
    published_seconds: float
    snapshot_megabytes: float


def measure_refresh(
    folder: Path, *, users: int = USERS, touched: int = TOUCHED, simulated: int = SIMULATED_USERS
) -> Section:
    """Make a large published day, land what touches some of its users, and time one round."""
    home = folder / "refresh"
    published, model = in_own_process(make_large_day, home, users, simulated)
    in_own_process(land_news, home, touched)
    done = in_own_process(one_round, home, published, model)
    rows = [[name, f"{seconds:.1f}"] for name, seconds in done.steps.items()]
    text = (
        f"{users:,} users, copies of {simulated:,} simulated ones with {SIMULATED_DAYS} days of rows; "
        f"{done.users:,} of them are on the list, and {done.touched:,} of those are touched by what lands: "
        f"visits, baskets, complaints. One round, in a process of its own: {done.alerts:,} alerts, a "
        f"snapshot of {done.snapshot_megabytes:,.0f} MiB. The compiled programs are there, as they are from "
        "the first round after a change of the project on."
    )
    figures = (
        Figure("from landing to alert", done.seconds, MOST_SECONDS, "s", 1.0, "allowed"),
        Figure(
            "publishing the refreshed list",
            done.steps["publish"],
            done.published_seconds,
            "s",
            None,
            "publishing the daily list",
        ),
    )
    return Section("Refresh", text, figures=figures, details=((HEAD, rows),))


def make_large_day(home: Path, users: int, simulated: int) -> tuple[float, ChurnModel]:
    """Publish a day of a large shop; returns the seconds that publishing took, and the model of the day."""
    settings = settings_of(home)
    shop = Shop(home / "shop", simulated, SIMULATED_DAYS)
    shop.simulate()
    shop.deliver(settings, 1, SIMULATED_DAYS)
    day = shop.day(SIMULATED_DAYS)
    _warehouse(home, "prepare")
    with Ledger.open(settings) as ledger:
        build_features(settings, ledger, day)
        with open_build(settings) as connection:
            model = made_up_model(connection, day)
        run = build_risk(settings, ledger, day, model)
        with open_build(settings) as connection:
            _multiply(connection, settings, max(1, users // simulated))
        sync_people(settings, ledger)  # as every ingest does
        began = time.perf_counter()
        publish(settings, ledger, run)
        seconds = time.perf_counter() - began
        ledger.finish_run(run)
    return seconds, model


def land_news(home: Path, touched: int) -> None:
    """Put files into the folder of the published day that touch users all over the shop."""
    settings = settings_of(home)
    shop = Shop(home / "shop", SIMULATED_USERS, SIMULATED_DAYS)
    day, next_day = shop.day(SIMULATED_DAYS), shop.day(SIMULATED_DAYS + 1)
    folder = settings.landing / str(day)
    with open_build(settings) as connection:
        connection.execute(
            "create temp table touched as select user_id, product_id, "
            "row_number() over (order by hash(user_id)) as number "
            "from (select distinct user_id from ml.churn_scores where as_of_date = ?) "
            "cross join (select product_id from staging.stg_sample_shop__products order by list_price desc, "
            "product_id limit 1) qualify number <= ?",
            [day, touched],
        )
        _copy(
            connection,
            "select 'new-' || number as event_id, user_id, 'new-' || number as session_id, "
            f"timestamp '{next_day} 08:00:00' + to_minutes((number % 120)::integer) as occurred_at, "
            "case when number % 20 = 0 then 'add_to_cart' else 'page_view' end as event_type, "
            "case when number % 20 = 0 then product_id end as product_id, 20 as duration_seconds, "
            "'desktop' as device from touched order by number",
            folder / "events-new.csv",
            "csv, header",
        )
        _copy(
            connection,
            "select 'new-' || number as message_id, 'new-' || number as conversation_id, user_id, "
            f"'{next_day} 09:00:00' as sent_at, 'user' as sender, case when number % 2 = 0 then "
            "'I want to complain' else 'Where is my parcel?' end as message_text, "
            "null::integer as satisfaction "
            "from touched where number % 50 = 0 order by number",
            folder / "support_messages-new.jsonl",
            "json",
        )
    manifest = json.loads((folder / "_manifest.json").read_text(encoding="utf-8"))
    manifest["files"] += [{"name": name} for name in ("events-new.csv", "support_messages-new.jsonl")]
    # the simulated shop's file is linked from there: the folder gets one of its own
    (folder / "_manifest.json").unlink()
    (folder / "_manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def one_round(home: Path, published_seconds: float, model: ChurnModel) -> Round:
    """Do one round and say what it took; the programs are compiled before."""
    settings = settings_of(home)
    current_program(settings)
    current_risk_program(settings)
    with (
        patch("ml.registry.load_model", lambda _version, _models: model),
        # the ledger knows the volumes of the small shop
        patch("warehouse.ingest.batch.volume_refusal", lambda *_delivery: None),
        Ledger.open(settings) as ledger,
    ):
        began = time.perf_counter()
        done = refresh(settings, ledger, progress=lambda line: print(line, file=sys.stderr, flush=True))
        seconds = time.perf_counter() - began
    return Round(
        seconds=seconds,
        steps=done.seconds,
        users=_listed(settings),
        touched=done.users_touched,
        alerts=done.alerts_raised,
        published_seconds=published_seconds,
        snapshot_megabytes=folder_bytes(settings.published / "snapshots" / done.run_id) / 1024**2,
    )


def _multiply(connection: duckdb.DuckDBPyConnection, settings: Settings, times: int) -> None:
    """Let every user stand there so many times, under other names."""
    source = load_source(settings.source, settings.dbt_project)
    raw = [f"{one.schema}.{one.identifier}" for one in source.tables if one.schema == "raw"]
    for relation in (*raw, *DAY_TABLES):
        columns = [str(name) for name, *_ in connection.execute(f"describe {relation}").fetchall()]
        named = [name for name in columns if name in NAMES]
        if not named:
            continue
        renamed = ", ".join(f"{name} || '-' || copy as {name}" for name in named)
        connection.execute(
            f"insert into {relation} by name select * exclude (copy) replace ({renamed}) "
            f"from (select * from {relation} cross join range(1, {times}) copies (copy))"
        )


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path, options: str) -> None:
    connection.execute(f"copy ({query}) to '{path}' (format {options})")


def _listed(settings: Settings) -> int:
    with open_build(settings) as connection:
        rows: list[Any] = connection.execute("select count(*) from risk.user_risk_tiers_history").fetchall()
    return int(rows[0][0])


def _warehouse(home: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "warehouse", *arguments]
    subprocess.run(command, env={**os.environ, **environment_of(home)}, check=True, capture_output=True)
