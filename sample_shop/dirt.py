"""The faults that real deliveries have, sprinkled at a set rate and counted.

Duplicates, malformed rows and orphans are extra rows; late rows are real rows in a later delivery. So
the shop's own rows all arrive whole in the end, and every count reconciles:
delivered = rows of the shop - not yet delivered + duplicates + malformed + orphans.
"""

from collections import Counter

import numpy as np

from sample_shop.chance import Chance, Columns, Flags, Ints
from sample_shop.contract import TABLES, file_kind

FAULTS = (
    "none", "duplicate_same_file", "duplicate_later_file", "late_1_day", "late_3_days", "late_40_days",
    "malformed_bad_date", "malformed_bad_number", "malformed_negative", "malformed_ragged", "orphan",
)  # fmt: skip
(
    NONE,
    DUPLICATE_SAME,
    DUPLICATE_LATER,
    LATE_1,
    LATE_3,
    LATE_40,
    BAD_DATE,
    BAD_NUMBER,
    NEGATIVE,
    RAGGED,
    ORPHAN,
) = range(11)
_LATE_DAYS = {LATE_1: 1, LATE_3: 3, LATE_40: 40}
# how the rate is shared out; tables that cannot have a kind go without it
_LATE_SHARE, _DUPLICATE_SHARE, _MALFORMED_SHARE, _ORPHAN_SHARE = 0.3, 0.4, 0.2, 0.1
_LATE_TABLES = ("events", "orders", "order_items", "returns", "reviews", "support_messages")
_DUPLICATE_TABLES = (*_LATE_TABLES, "users", "campaign_touches")
_MALFORMED_TABLES = (*_LATE_TABLES, "users")
_ORPHAN_TABLES = ("order_items", "returns")


class DirtCount:
    """How many rows there are of each table, and how many of them are faulty, by kind."""

    def __init__(self) -> None:
        self.delivered: Counter[str] = Counter()
        self.of_the_shop: Counter[str] = Counter()
        self.not_yet_delivered: Counter[str] = Counter()
        self.kinds: dict[str, Counter[str]] = {fault: Counter() for fault in FAULTS[1:]}

    def count(self, table: str, happened_by: Ints, rows: Columns, last_day: int) -> None:
        """Count one chunk's rows: those of the shop by their own day, all by their day of delivery."""
        arrived = rows["day"] <= last_day
        self.delivered[table] += int(arrived.sum())
        self.of_the_shop[table] += int((happened_by <= last_day).sum())
        own = (rows["fault"] == NONE) | np.isin(rows["fault"], list(_LATE_DAYS))
        waiting = int((happened_by <= last_day).sum()) - int((own & arrived).sum())
        self.not_yet_delivered[table] += waiting
        for fault in np.unique(rows["fault"][arrived]):
            if fault != NONE:
                self.kinds[FAULTS[fault]][table] += int((rows["fault"][arrived] == fault).sum())

    def as_dict(self) -> dict[str, dict[str, int] | dict[str, dict[str, int]]]:
        """Return the counts, ready for JSON."""
        return {
            "rows_of_the_shop": dict(sorted(self.of_the_shop.items())),
            "rows_not_yet_delivered": dict(sorted(self.not_yet_delivered.items())),
            "rows_delivered": dict(sorted(self.delivered.items())),
            "faults": {kind: dict(sorted(tables.items())) for kind, tables in self.kinds.items()},
        }


def sprinkle(chance: Chance, rate: float, file_format: str, table: str, rows: Columns) -> Columns:
    """Add faults to one table's rows; the column ``fault`` tells which.

    Parameters
    ----------
    rate : float
        Share of rows that get a fault.
    file_format : str
        The world's format: typed Parquet files cannot carry malformed rows.
    rows : dict
        Compact rows with their day of delivery.
    """
    own = rows | {"fault": np.full(len(rows["day"]), NONE)}
    if rate == 0.0 or table not in _DUPLICATE_TABLES:
        return own
    key = _key(table, rows)
    pages = [own]
    if table in _LATE_TABLES:
        # an order and its lines are late together
        by_order = rows["number"] if table in ("orders", "order_items") else key
        purpose = "late/orders" if table == "order_items" else f"late/{table}"
        late = chance.uniform(purpose, by_order) < rate * _LATE_SHARE
        kind = LATE_1 + chance.pick(purpose + "/kind", [0.5, 0.3, 0.2], by_order)
        own["fault"] = np.where(late, kind, NONE)
        own["day"] = rows["day"] + np.where(late, np.array([1, 3, 40])[kind - LATE_1], 0)
    luck = chance.uniform(f"fault/{table}", key) / rate
    luck[own["fault"] != NONE] = 2.0
    edge = _DUPLICATE_SHARE
    repeated = luck < edge
    later = chance.uniform(f"duplicate/{table}", key) < 0.35
    pages.append(_copies(own, repeated, np.where(later, DUPLICATE_LATER, DUPLICATE_SAME)))
    pages[-1]["day"] = pages[-1]["day"] + (pages[-1]["fault"] == DUPLICATE_LATER)
    if table in _MALFORMED_TABLES and file_kind(table, file_format) != "parquet":
        broken = (luck >= edge) & (luck < edge + _MALFORMED_SHARE)
        pages.append(_copies(own, broken, _ways_to_break(chance, table, key)))
    edge += _MALFORMED_SHARE
    if table in _ORPHAN_TABLES:
        stray = _copies(own, (luck >= edge) & (luck < edge + _ORPHAN_SHARE), np.full(len(key), ORPHAN))
        # orders' numbers end in 0 or 1: one that ends in 5 or 6 is of no order
        stray["number"] = stray["number"] + 5
        if table == "returns":
            stray["order"] = stray["number"]
        pages.append(stray)
    return {name: np.concatenate([page[name] for page in pages]) for name in own}


def broken_cells(table: str, fault: int, cells: list[str], luck: int) -> list[str]:
    """Break the cells of one row as the fault says.

    Parameters
    ----------
    cells : list of str
        The row as text, in the contract's column order.
    luck : int
        Chooses among the ways to break it.
    """
    shape = TABLES[table]
    cells = list(cells)
    if fault == BAD_DATE:
        bad = ("2026-13-45 25:61:00", "0000-00-00 00:00:00", "yesterday", "9999-12-31 23:59:59")
        cells[shape.columns.index(shape.time_column)] = bad[luck % len(bad)]
    elif fault == BAD_NUMBER:
        cells[shape.columns.index(shape.number_column)] = ("n/a", "12x", "NaN", "--")[luck % 4]
    elif fault == NEGATIVE:
        where = shape.columns.index(shape.number_column)
        cells[where] = f"-{cells[where].lstrip('-') or '1'}"
    elif luck % 2:
        cells.append("surplus")
    else:
        cells = cells[:-2]
    return cells


def _ways_to_break(chance: Chance, table: str, key: Ints) -> Ints:
    ways = (
        [NEGATIVE, BAD_NUMBER, RAGGED, BAD_DATE]
        if TABLES[table].time_column
        else [NEGATIVE, BAD_NUMBER, RAGGED]
    )
    return np.array(ways)[chance.whole(f"malformed/{table}", len(ways), key)]


def _key(table: str, rows: Columns) -> Ints:
    number: Ints = rows["number"]
    if table == "order_items":
        return number * 10 + rows["line"]
    return number * 4 + rows["status"] if table == "orders" else number


def _copies(rows: Columns, chosen: Flags, fault: Ints) -> Columns:
    return {name: values[chosen] for name, values in rows.items()} | {"fault": fault[chosen]}
