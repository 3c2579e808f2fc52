"""A tiny published home, its app, its keys, and a real server of it in a thread."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from serving.keys import make_key
from serving.server import make_server
from serving.settings import ServingSettings
from tests.warehouse.publish.tiny_build import begin_and_build, tiny_settings
from warehouse.ledger import Ledger, utc_now
from warehouse.publish import Published, publish

#: What every table of one run says, the day's own rows; more than one line would be a mixture.
ONE_RUN = """
select run_id from run_info
union select run_id from at_risk_users
union select run_id from user_risk_tiers
union select run_id from churn_scores_history where as_of_date = (select as_of_date from run_info)
"""


def serving_settings(
    home: Path, *, warehouse: dict[str, Any] | None = None, **changes: Any
) -> ServingSettings:
    """Return settings for a home of its own; nothing is published there yet."""
    return ServingSettings(warehouse=tiny_settings(home, **(warehouse or {})), **changes)


def publish_day(settings: ServingSettings, number: int) -> Published:
    """Build and publish the n-th day."""
    with Ledger.open(settings.warehouse) as ledger:
        run = begin_and_build(settings.warehouse, ledger, number)
        return publish(settings.warehouse, ledger, run)


def new_key(ledger: Ledger, name: str, *scopes: str, minutes: float | None = None, **more: Any) -> str:
    """Make a key that may do something, and return it; with `minutes` it ends after them."""
    made, text = make_key(name, frozenset(scopes), now=utc_now(), by="test", **more)
    if minutes is not None:
        made = type(made)(**{**vars(made), "expires_at": utc_now() + timedelta(minutes=minutes)})
    ledger.add_key(made, by="test")
    return text


def bearing(key: str) -> dict[str, str]:
    """Return the header that carries a key."""
    return {"Authorization": f"Bearer {key}"}


@contextmanager
def running(settings: ServingSettings) -> Iterator[tuple[httpx.Client, FastAPI]]:
    """Serve an app on a free port of this machine; yields a client of it and the app."""
    server = make_server(settings)
    server.config.app.state.server = server  # type: ignore[union-attr]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                yield client, server.config.app  # type: ignore[misc]
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive(), "the server did not stop"
