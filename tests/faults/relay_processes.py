"""Relays as processes of their own, several on one outbox."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.campaigns.outboxes import Outbox
from warehouse.settings import REPOSITORY


def fresh_times() -> dict[str, Any]:
    """Return the times of a message that is due by the wall clock, which processes go by."""
    now = datetime.now(UTC) - timedelta(seconds=1)
    return {"next_attempt_at": now, "not_before": now, "expires_at": now + timedelta(days=1)}


def start_relays(box: Outbox, home: Path, url: str, *, number: int, lease: float = 900.0) -> list[Any]:
    """Start relays; each prints `ready` when it begins, and how many it sent at its end."""
    return [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.campaigns.outboxes", str(home)),
                *(box.settings.ledger_url, url, f"relay-{place}", str(lease)),
            ],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        for place in range(number)
    ]


def ended(relays: list[Any]) -> list[int]:
    """Wait for relays; returns how many messages each sent."""
    outputs = [relay.communicate(timeout=120)[0] for relay in relays]
    assert [relay.returncode for relay in relays] == [0] * len(relays), outputs
    return [int(output.split()[-1]) for output in outputs]
