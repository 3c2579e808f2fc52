"""Figures with their 95 % intervals, in words and in plots."""

from collections.abc import Sequence
from typing import Any

from serving.pages.language import Words
from serving.pages.published import Row


def interval(words: Words, row: Row | None, digits: int = 3) -> str:
    """Return a figure with its 95 % interval in brackets; – where there is none."""
    if row is None or row["value"] is None:
        return "–"
    value = words.number(row["value"], digits)
    if row["lower"] is None or row["upper"] is None:
        return value
    return words(
        "model.interval",
        value=value,
        lower=words.number(row["lower"], digits),
        upper=words.number(row["upper"], digits),
    )


def error_bars(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the 95 % intervals of rows as Plotly draws them."""

    def distance(row: Row, end: str) -> float:
        return 0.0 if row[end] is None or row["value"] is None else abs(row[end] - row["value"])

    return {
        "type": "data",
        "symmetric": False,
        "array": [distance(row, "upper") for row in rows],
        "arrayminus": [distance(row, "lower") for row in rows],
        "color": "var(--ink-soft)",
        "thickness": 1,
        "width": 3,
    }
