"""Daily folders in the landing area, each complete from the moment it is visible."""

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from sample_shop.contract import TABLES, file_kind
from sample_shop.files import file_bytes
from sample_shop.seasons import Promotion
from sample_shop.shelf import Shelf
from sample_shop.shop import Shop
from sample_shop.tables import products_table, promotions_table, rendered
from sample_shop.world import World

MANIFEST = "_manifest.json"
# a promotion is announced this many days before it starts
ANNOUNCED_DAYS = 7
_ROWS_AT_ONCE = 300_000


class Landing:
    """The landing folder of one shop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, date: dt.date) -> bool:
        """Say whether the delivery of a day is there; visible folders are always complete."""
        return (self.folder / date.isoformat()).is_dir()

    def deliver(self, date: dt.date, files: list[tuple[str, int, bytes]]) -> None:
        """Write one day's files (name, rows, bytes), the manifest last, and make them visible at once."""
        hidden = self.folder / f".{date.isoformat()}.writing"
        if hidden.exists():
            shutil.rmtree(hidden)
        hidden.mkdir(parents=True)
        listed = []
        for name, rows, content in files:
            (hidden / name).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            listed.append({"name": name, "rows": rows, "bytes": len(content), "sha256": digest})
        (hidden / MANIFEST).write_text(json.dumps({"files": listed}, indent=1) + "\n", encoding="utf-8")
        hidden.rename(self.folder / date.isoformat())


def deliver_days(
    shop: Shop,
    shelf: Shelf,
    landing: Landing,
    days: list[int],
    progress: Callable[[str], None],
) -> int:
    """Write the deliveries of the given days and return how many files were written."""
    written = 0
    for start, stop in _batches(shelf, days):
        files = _files_of(shop, shelf, start, stop)
        for day in range(start, stop):
            landing.deliver(shop.world.date(day), files[day - start])
            written += len(files[day - start]) + 1
        progress(f"  delivered through {shop.world.date(stop - 1)}")
    return written


def promotion_day(world: World, promotion: Promotion) -> int:
    """Return the day number on which a promotion is delivered."""
    return max(0, world.day(promotion.starts_on) - ANNOUNCED_DAYS)


def _batches(shelf: Shelf, days: list[int]) -> Iterator[tuple[int, int]]:
    """Cut days into runs of neighbours whose rows fit into memory together."""
    rows = shelf.counts("events")
    start = 0
    for i in range(1, len(days) + 1):
        size = rows[days[start] : days[i - 1] + 1].sum()
        ends = i == len(days) or days[i] != days[i - 1] + 1
        if ends or size + rows[days[i]] > _ROWS_AT_ONCE:
            yield days[start], days[i - 1] + 1
            start = i


def _files_of(shop: Shop, shelf: Shelf, start: int, stop: int) -> list[list[tuple[str, int, bytes]]]:
    files: list[list[tuple[str, int, bytes]]] = [[] for _ in range(start, stop)]
    for table, shape in TABLES.items():
        kind = file_kind(table, shop.world.file_format)
        if table in ("products", "promotions"):
            for day in range(start, stop):
                content = _described(shop, table, day)
                if content.num_rows:
                    nothing = np.zeros(content.num_rows, dtype=np.int64)
                    body = file_bytes(table, kind, content, nothing, nothing)
                    files[day - start].append((f"{table}.{kind}", content.num_rows, body))
            continue
        rows = shelf.take(table, start, stop)
        content = rendered(shop, table, rows)
        edges = np.searchsorted(rows["day"], np.arange(start, stop + 1))
        for day in range(start, stop):
            low, high = int(edges[day - start]), int(edges[day - start + 1])
            if high == low and not shape.is_daily:
                continue
            part = content.slice(low, high - low)
            body = file_bytes(table, kind, part, rows["fault"][low:high], rows["at"][low:high])
            files[day - start].append((f"{table}.{kind}", high - low, body))
    return files


def _described(shop: Shop, table: str, day: int) -> pa.Table:
    if table == "products":
        return products_table(shop.catalogue) if day == 0 else products_table(shop.catalogue).slice(0, 0)
    announced = [sale for sale in shop.seasons.promotions if promotion_day(shop.world, sale) == day]
    return promotions_table(announced)
