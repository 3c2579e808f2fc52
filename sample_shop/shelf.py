"""Compact rows kept on disk between simulation (by users) and delivery (by days)."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sample_shop.chance import Columns, Ints

# rows are ordered by the last of these first
_ORDER = ("fault", "purpose", "status", "line", "user", "number", "at", "day")


class Shelf:
    """One folder of memory-mapped Arrow files, a file per table and chunk of users.

    Parameters
    ----------
    folder : Path
        An empty folder of one's own.
    days : int
        Number of days; rows of later days are not kept.
    """

    def __init__(self, folder: Path, days: int) -> None:
        self.folder = folder
        self.days = days
        self._books: dict[str, list[tuple[pa.Table, Ints]]] = {}
        self._columns: dict[str, list[str]] = {}

    def put(self, table: str, rows: Columns) -> None:
        """Keep a chunk's rows of one table."""
        self._columns[table] = list(rows)
        books = self._books.setdefault(table, [])
        order = np.argsort(rows["day"], kind="stable")
        order = order[: np.searchsorted(rows["day"][order], self.days)]
        if not len(order):
            return
        page = pa.table({name: _narrow(values[order]) for name, values in rows.items()})
        path = self.folder / f"{table}-{len(books):05d}.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, page.schema) as writer:
            writer.write_table(page)
        kept = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        starts = np.searchsorted(rows["day"][order], np.arange(self.days + 1)).astype(np.int64)
        books.append((kept, starts))

    def counts(self, table: str) -> Ints:
        """Count a table's rows by day."""
        total = np.zeros(self.days, dtype=np.int64)
        for _, starts in self._books.get(table, []):
            total += np.diff(starts)
        return total

    def take(self, table: str, start: int, stop: int) -> Columns:
        """Return a table's rows of days ``start``..``stop``-1, ordered by day and moment.

        The order does not depend on how the users were cut into chunks.
        """
        pages = [
            kept.slice(starts[start], starts[stop] - starts[start])
            for kept, starts in self._books.get(table, [])
            if starts[stop] > starts[start]
        ]
        if not pages:
            return {name: np.zeros(0, dtype=np.int64) for name in self._columns[table]}
        rows = {
            name: np.concatenate([page[name].to_numpy() for page in pages]).astype(np.int64)
            for name in pages[0].column_names
        }
        keys = [rows[name] for name in _ORDER if name in rows]
        order = np.lexsort(keys)
        return {name: values[order] for name, values in rows.items()}


def _narrow(values: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Use the smallest whole-number type that holds all values."""
    low, high = int(values.min()), int(values.max())
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return values.astype(kind)
    return values
