"""A5: the declaration names the zone; the machine's own zone changes nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.warehouse.ingest.shop import HEADER, Shop, orders

TIMES = ["2025-03-29 23:59:59", "2025-03-30 00:00:00", "2025-03-30 01:30:00", "2025-03-30 02:00:00"]


def test_a5_local_times_are_converted_and_skipped_ones_quarantined(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    lines = "".join(f"o{n},u1,{text},1,\n" for n, text in enumerate(TIMES))
    shop.deliver("2025-03-30", orders_csv=orders(60, "2025-03-29", 100) + lines)
    assert shop.ingest().quarantined_by_reason == {"local_time_does_not_exist": 1}
    found = shop.rows(
        "select ordered_at::varchar from raw.shop__orders where order_id in ('o0', 'o1', 'o3') order by 1"
    )
    assert found == [("2025-03-29 23:59:59",), ("2025-03-30 00:00:00",), ("2025-03-30 01:00:00",)]


@pytest.mark.slow
def test_a5_the_zone_of_the_machine_changes_nothing(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.warehouse.ingest.shop import Shop, orders; "
        "shop = Shop(Path(sys.argv[1])); "
        "shop.deliver('2025-10-26', orders_csv=orders(60, '2025-10-26') + sys.argv[2]); "
        "shop.ingest(); print(shop.digest())"
    )
    lines = "".join(f"x{n},u1,2025-10-26 0{n}:30:00,1,\n" for n in range(4))
    digests = set()
    for zone in ("Asia/Shanghai", "America/New_York"):
        home = tmp_path / zone.replace("/", "_")
        done = subprocess.run(
            [sys.executable, "-c", program, str(home), lines],
            env={**os.environ, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout.strip())
    here = Shop(tmp_path / "here")
    here.deliver("2025-10-26", orders_csv=orders(60, "2025-10-26") + lines)
    here.ingest()
    assert digests == {here.digest()}


def test_a5_the_day_of_delivery_begins_at_local_midnight(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    # British summer: 00:00 local is 23:00 UTC of the day before, and not late
    shop.deliver(
        "2025-07-01", orders_csv=HEADER + "a,u1,2025-06-30 23:59:59,1,\nb,u1,2025-07-01 00:00:00,1,\n"
    )
    assert [o.late for o in shop.ingest().accepted] == [1]
