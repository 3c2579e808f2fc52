"""The hand in which every picture is drawn: canvas, colours, axes, words.

The colours are those of Okabe and Ito (2008), told apart by people with any colour vision; lines also differ
in style and marker.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.candidates import RECENCY_RULE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Style = tuple[str, str, str]
INK, SOFT, FAINT = "#222222", "#6b6b6b", "#dddddd"
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
# Colour, line and marker: the model first, then the rules that cost (nearly) nothing, then others.
STYLES: tuple[Style, ...] = ((BLUE, "-", "o"), (ORANGE, "--", "s"), (GREEN, "-.", "^"), (PURPLE, ":", "D"))
RULES = (RECENCY_RULE, "rfm_logistic")
DOTTED = (0, (1, 2))
DOTS_PER_INCH = 130
# Enough for lines and letters; a picture is then a quarter of the size.
COLOURS = 64
DAYS_NAMED = 5
QUANTILE = 1.959963984540054  # of the standard normal at 97.5 %


def canvas(title: str, *, panels: int = 1, height: float = 4.4) -> Figure:
    """Return an empty figure of one or more panels side by side, with a title above them all."""
    from matplotlib.figure import Figure  # noqa: PLC0415 -- slow to import, and only the report draws

    figure = Figure(figsize=(6.6 if panels == 1 else 10.0, height), layout="constrained", facecolor="white")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
    for axes in np.atleast_1d(figure.subplots(1, panels)):
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(SOFT)
        axes.tick_params(colors=INK, labelsize=9)
        axes.grid(color=FAINT, lw=0.6)
        axes.set_axisbelow(True)
    return figure


def save_picture(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG file; the same figure gives the same bytes."""
    from PIL import Image  # noqa: PLC0415 -- see canvas

    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=DOTS_PER_INCH)
    # written anew, without the library's version
    Image.open(drawn).convert("RGB").quantize(COLOURS).save(path, format="png", optimize=True)


def styled(candidates: Iterable[str], champion: str) -> list[tuple[str, Style]]:
    """Return candidates with their style: the model first, then the rules, then the others."""
    roles = {**dict(zip(RULES, STYLES[1:], strict=False)), champion: STYLES[0]}
    order = [champion, *RULES]
    names = sorted(candidates, key=lambda name: (order.index(name) if name in order else len(order), name))
    return [(name, roles.get(name, STYLES[-1])) for name in names]


def in_percent(axes: Axes, *, x: bool = True, y: bool = True) -> None:
    """Label an axis of shares in percent."""
    from matplotlib.ticker import PercentFormatter  # noqa: PLC0415 -- see canvas

    for axis, wanted in ((axes.xaxis, x), (axes.yaxis, y)):
        if wanted:
            axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=""))


def in_days(axes: Axes, days: Collection[Any]) -> None:
    """Label the x axis with days: those that were drawn if they are few, else as many as can be read."""
    from matplotlib.dates import AutoDateLocator, DateFormatter  # noqa: PLC0415 -- see canvas

    if len(days) <= DAYS_NAMED:
        axes.set_xticks(sorted(days))
    else:
        axes.xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=DAYS_NAMED))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter("%Y-%m-%d"))  # type: ignore[no-untyped-call]


def worded(name: str) -> str:
    """Return a name as words.

    Examples
    --------
    >>> worded("recency_rule"), worded("rfm_logistic")
    ('recency rule', 'RFM logistic')
    """
    return name.replace("rfm", "RFM").replace("_", " ")


def wilson(share: Floats, users: Floats) -> tuple[Floats, Floats]:
    """Return the 95 % interval of a share of users (Wilson, 1927).

    Examples
    --------
    >>> lower, upper = wilson(np.array([0.5]), np.array([100.0]))
    >>> lower.round(3).tolist(), upper.round(3).tolist()
    ([0.404], [0.596])
    """
    scale = 1 + QUANTILE**2 / users
    middle = (share + QUANTILE**2 / (2 * users)) / scale
    spread = QUANTILE / scale * np.sqrt(share * (1 - share) / users + QUANTILE**2 / (4 * users**2))
    return np.minimum(share, middle - spread), np.maximum(share, middle + spread)
