"""A process that is killed anywhere leaves nothing that the next one does not undo or finish."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.warehouse.ingest.shop import Shop, orders


def deliver_days(shop: Shop) -> None:
    for day in range(1, 6):
        bad = f"bad{day},u1,never,1,\n"
        shop.deliver(f"2025-03-{day:02}", orders_csv=orders(50, f"2025-03-{day:02}", day * 40) + bad)


def ingest_in_a_child(shop: Shop) -> int:
    process = os.fork()
    if process == 0:
        try:
            again = Shop(shop.settings.home)
            again.ingest()
        finally:
            os._exit(0)
    return process


def test_a_killed_ingest_converges_to_the_undisturbed_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.ingest.run.BATCH_DELIVERIES", 1)
    calm, disturbed = Shop(tmp_path / "calm"), Shop(tmp_path / "disturbed")
    deliver_days(calm)
    calm.ingest()
    deliver_days(disturbed)
    for delay in (0.05, 0.2, 0.35, 0.5, 0.65, 0.8):
        process = ingest_in_a_child(disturbed)
        time.sleep(delay)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    disturbed.ingest()
    assert disturbed.digest() == calm.digest()
    where = "select source_file, source_line, reason_code, raw_text from quarantine.rows order by all"
    assert disturbed.rows(where) == calm.rows(where)
    accepted = disturbed.ledger.deliveries("shop", status="accepted")
    assert [str(delivery.delivery_date) for delivery in accepted] == [
        f"2025-03-0{day}" for day in range(1, 6)
    ]
