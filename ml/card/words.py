"""How the model card writes figures, tables and names."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

NOTHING = "–"
WIDTH = 120
UNKNOWN = (np.nan, np.nan, np.nan)


class Figures:
    """Looks figures up by candidate and metric.

    Parameters
    ----------
    rows : pandas.DataFrame
        candidate, metric, value, lower, upper.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        keys = zip(rows["candidate"], rows["metric"], strict=True)
        values = zip(rows["value"], rows["lower"], rows["upper"], strict=True)
        self.found = dict(zip(keys, values, strict=True))

    def value(self, candidate: str, metric: str) -> float:
        """Return a figure; NaN if it is not there."""
        return float(self.found.get((candidate, metric), UNKNOWN)[0])

    def words(self, candidate: str, metric: str, *, signed: bool = False, bare: bool = False) -> str:
        """Return a figure with its interval, or alone; a dash if it is not there."""
        value, lower, upper = self.found.get((candidate, metric), UNKNOWN)
        return number(value, signed=signed) if bare else interval(value, lower, upper, signed=signed)

    def is_above_noise(self, candidate: str, metric: str) -> bool:
        """Return whether a whole interval lies above 0."""
        return bool(self.found.get((candidate, metric), UNKNOWN)[1] > 0)


def number(value: Any, digits: int = 3, *, signed: bool = False) -> str:
    """Return a number with fixed digits; a dash for NaN or NULL.

    Examples
    --------
    >>> number(0.15094), number(0.15094, signed=True), number(-0.0001), number(float("nan"))
    ('0.151', '+0.151', '0.000', '–')
    """
    if pd.isna(value):
        return NOTHING
    rounded = round(float(value), digits) or 0.0  # no minus before a zero
    text = f"{rounded:+.{digits}f}" if signed and rounded else f"{rounded:.{digits}f}"
    return text.replace("-", "−")


def interval(value: Any, lower: Any, upper: Any, *, signed: bool = False) -> str:
    """Return a number and its interval.

    Examples
    --------
    >>> interval(0.747, 0.726, 0.767)
    '0.747 (0.726 to 0.767)'
    """
    if pd.isna(value) or pd.isna(lower):
        return number(value, signed=signed)
    ends = f"{number(lower, signed=signed)} to {number(upper, signed=signed)}"
    return f"{number(value, signed=signed)} ({ends})"


def percent(share: Any) -> str:
    """Return a share as whole percent.

    Examples
    --------
    >>> percent(0.7174)
    '72 %'
    """
    return NOTHING if pd.isna(share) else f"{100 * share:.0f} %"


def count(number_of: Any) -> str:
    """Return a whole number with thousands marked.

    Examples
    --------
    >>> count(12345)
    '12,345'
    """
    return f"{int(number_of):,}"


def name_of(name: Any) -> str:
    """Return the name of a candidate or slice as words."""
    return str(name).replace("rfm", "RFM").replace("_", " ")


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table; the first column is text, the others are right-aligned.

    Examples
    --------
    >>> print(table(["slice", "users"], [["DE", "700"]]))
    | slice | users |
    |---|---:|
    | DE | 700 |
    """
    lines = [header, ["---", *["---:"] * (len(header) - 1)]]
    written = [f"| {' | '.join(map(str, lines[0]))} |", f"|{'|'.join(lines[1])}|"]
    return "\n".join([*written, *(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows)])


def wrapped(text: str) -> str:
    r"""Return Markdown with its prose and lists wrapped, and everything else as it is.

    Examples
    --------
    >>> print(wrapped("One\ntwo.\n\n- three\n  four\n- five\n\n| six |"))
    One two.
    <BLANKLINE>
    - three four
    - five
    <BLANKLINE>
    | six |
    """
    return "\n\n".join(_wrapped_block(block) for block in re.split(r"\n{2,}", text.strip("\n")))


def _wrapped_block(block: str) -> str:
    if block.startswith(("#", "|", "!", "    ")):
        return block
    items = re.split(r"\n(?=- )", block) if block.startswith("- ") else [block]
    indent = "  " if block.startswith("- ") else ""
    return "\n".join(
        textwrap.fill(
            " ".join(item.split()),
            width=WIDTH,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for item in items
    )


def picture(plots: Mapping[str, str], name: str, words: str) -> str:
    """Return a link to a picture with the words that stand in for it; empty if there is none."""
    return f"\n![{words}]({plots[name]})" if name in plots else ""


def _cell(cell: Any) -> str:
    """A value of the data must not break the table."""
    return " ".join(str(cell).replace("|", "\\|").split())
