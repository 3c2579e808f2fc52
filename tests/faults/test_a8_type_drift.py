"""A8: ids are text, exactly; a date that could mean two days is refused."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.warehouse.ingest.shop import HEADER, Shop

IDS = ["000123", "123", "1e5", "100000", "12345678901234567890", "12345678901234567891", "1.0", "1"]


def test_a8_no_id_is_changed_merged_or_lost(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    lines = "".join(f"{one},{one},2025-03-05 10:00:00,1,\n" for one in IDS)
    rows = "".join(
        f'{{"order_id": {one!r}, "user_id": "u", "ordered_at": "2025-03-05 10:00:00"}}\n' for one in IDS
    )
    shop.deliver("2025-03-05", orders_csv=HEADER + lines)
    assert shop.ingest().rows_accepted == len(IDS)
    assert shop.rows("select order_id, user_id from raw.shop__orders order by source_line") == [
        (i, i) for i in IDS
    ]
    shop.deliver("2025-03-06", orders_jsonl=rows.replace("'", '"').replace("2025-03-05", "2025-03-06"))
    (outcome,) = shop.ingest().accepted
    assert outcome.conflicts == len(IDS)


def test_a8_ambiguous_dates_are_refused(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    many = "".join(f"m{n},u1,2025-03-05 10:00:00,1,\n" for n in range(50))
    shop.deliver(
        "2025-03-05", orders_csv=HEADER + many + "x,u1,08/03/2025 10:00:00,1,\ny,u1,05-03-2025 10:00:00,1,\n"
    )
    report = shop.ingest()
    assert report.quarantined_by_reason == {"not_a_time": 2}
    (reason,) = shop.rows("select reason from quarantine.rows where source_line = 52")[0]
    assert "orders.csv line 52: ordered_at '08/03/2025 10:00:00'" in str(reason)


def test_a8_parquet_keeps_its_own_types(tmp_path: Path) -> None:
    moment = datetime(2025, 3, 5, 10, 30, 15, 250000)
    table = pa.table(
        {
            "order_id": pa.array([9007199254740993, 2], pa.int64()),
            "user_id": pa.array(["000123", "u2"]).dictionary_encode(),
            "ordered_at": pa.array([moment.replace(tzinfo=UTC)] * 2, pa.timestamp("us", tz="Asia/Shanghai")),
            "amount": pa.array([1e-3, 1e20], pa.float64()),
            "note": pa.nulls(2),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    shop = Shop(tmp_path)
    shop.deliver("2025-03-05", orders_parquet=sink.getvalue())
    assert shop.ingest().quarantined_by_reason == {"number_out_of_range": 1}
    assert shop.rows(
        "select order_id, user_id, ordered_at::varchar, amount::varchar from raw.shop__orders"
    ) == [("9007199254740993", "000123", "2025-03-05 10:30:15.25", "0.0010")]
