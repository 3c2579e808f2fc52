"""POST /v1/score under load, over a home with a published day.

Serves a copy of the home on loopback and sends it the complete rows of real users, one request after the
other from each client. The home itself is only read.
"""

import json
import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np

from benchmarks.report import Figure, Section
from benchmarks.serving import served
from serving.keys import make_key
from warehouse.connections import open_read_only
from warehouse.feature_program import PROGRAM_NAME, SHARED_TABLES, FeatureProgram
from warehouse.ledger import Ledger
from warehouse.publish import current_snapshot, read_manifest
from warehouse.settings import Settings

REQUESTS, USERS, CLIENTS = 600, 100, 1
WARMING = 20
# what is promised of one request in a hundred, on two processors
PROMISED_MILLISECONDS = 150.0


def measure_score_requests(home: Path, requests: int = REQUESTS, clients: int = CLIENTS) -> Section:
    """Send score requests to a server over a copy of a home, and say how long they took.

    Returns
    -------
    Section
        With the 99th percentile beside what is promised.
    """
    with TemporaryDirectory(prefix="holdfast-benchmark-") as folder:
        copy = Path(folder) / "home"
        shutil.copytree(home, copy, symlinks=True)
        # or the audit, on the disk before an answer leaves, would wait for what the copy left to write
        os.sync()
        settings = Settings.from_environment({**os.environ, "HOLDFAST_HOME": str(copy)})
        with Ledger.open(settings) as ledger:
            # they get no score
            objecting = [
                block.user_id
                for block in ledger.contact_blocks(settings.source)
                if block.purpose == "profiling"
            ]
            scopes = frozenset({"score:write"})
            key, text = make_key(
                "benchmark", scopes, now=ledger.clock(), by="benchmark", requests_per_minute=100_000
            )
            ledger.add_key(key, by="benchmark")
        bodies = _bodies(settings, objecting)
        users = read_manifest(current_snapshot(settings)).row_counts["user_risk_tiers"]
        rows = sum(len(rows) for body in bodies for rows in json.loads(body)["tables"].values())
        with served(settings) as (port, _):
            seconds = _send(f"http://127.0.0.1:{port}", text, bodies, requests, clients)
    milliseconds = {share: float(np.percentile(seconds, share)) * 1000 for share in (50, 95, 99)}
    return Section(
        "Scores on demand",
        f"{users:,} users are published. {requests} requests of {len(bodies)} of them with "
        f"{rows / len(bodies):,.0f} rows on average, from {clients} client(s) on loopback, one after the "
        f"other: half took at most {milliseconds[50]:.0f} ms, 95 % {milliseconds[95]:.0f} ms, 99 % "
        f"{milliseconds[99]:.0f} ms; {requests / sum(seconds) * clients:.0f} a second.",
        figures=(
            Figure(
                "POST /v1/score, 99th percentile",
                milliseconds[99],
                PROMISED_MILLISECONDS,
                "ms",
                1.0,
                "promised",
            ),
        ),
    )


def _bodies(settings: Settings, objecting: Sequence[str]) -> list[bytes]:
    """Return the requests of some scored users, with every row that the shop has of them."""
    program = FeatureProgram.load(current_snapshot(settings) / PROGRAM_NAME)
    bodies = []
    with open_read_only(settings.build_file) as connection:
        users = connection.execute(
            "select user_id from features.user_features where is_eligible and as_of_date = "
            "(select max(as_of_date) from features.user_features) and not list_contains(?, user_id) "
            "order by md5(user_id) limit ?",
            [list(objecting), USERS],
        ).fetchall()
        for (user,) in users:
            tables = {}
            for name, shape in program.staged_tables.items():
                if name in (*SHARED_TABLES, "consents", "coupon_redemptions"):
                    continue
                columns = [*program.contract[name].columns, "known_on", "superseded_on"]
                where = "user_id = $user"
                if name == "order_items":
                    orders = program.staged_tables["orders"].relation
                    where = f"order_id in (select order_id from {orders} where {where})"
                found = connection.execute(
                    f"select {', '.join(columns)} from {shape.relation} where {where}", {"user": user}
                )
                tables[name] = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
            bodies.append(json.dumps({"user_id": user, "tables": tables}, default=_plain).encode())
    return bodies


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    return float(value) if isinstance(value, Decimal) else value.isoformat()


def _send(address: str, key: str, bodies: Sequence[bytes], requests: int, clients: int) -> list[float]:
    """Return the seconds of each request."""

    def one_client(number: int) -> list[float]:
        seconds = []
        with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
            for turn in range(-WARMING, requests // clients):
                body = bodies[(turn * clients + number) % len(bodies)]
                began = time.perf_counter()
                client.post("/v1/score", content=body).raise_for_status()
                if turn >= 0:
                    seconds.append(time.perf_counter() - began)
        return seconds

    with ThreadPoolExecutor(clients) as pool:
        return [second for found in pool.map(one_client, range(clients)) for second in found]
