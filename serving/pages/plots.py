"""Plots: plain Plotly figures as data inside the page, each with the same figures as a table beside it.

A figure is a dict as Plotly's JSON describes it; importing plotly to write one down would cost every start a
second. Colours are names of the style sheet's variables, ``var(--tier-high)``: the script that draws puts in
what they are in the reader's light or dark.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

TIER_COLOURS: Mapping[str, str] = {tier: f"var(--tier-{tier})" for tier in ("high", "medium", "low")}
#: Colours of series that are no tier, in the order in which they are given out.
SERIES_COLOURS = tuple(f"var(--series-{number})" for number in range(1, 7))

_AXIS = {
    "gridcolor": "var(--line)",
    "linecolor": "var(--line-strong)",
    "zerolinecolor": "var(--line-strong)",
    "automargin": True,
    "fixedrange": True,
    "title": {"standoff": 10},
}
_LAYOUT: Mapping[str, Any] = {
    "autosize": True,
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"family": "var(--font)", "size": 13, "color": "var(--ink)"},
    "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
    "hoverlabel": {
        "bgcolor": "var(--surface)",
        "bordercolor": "var(--line-strong)",
        "font": {"family": "var(--font)", "size": 13, "color": "var(--ink)"},
    },
    "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "xanchor": "left"},
    "separators": ".,",
}


def as_text(text: str) -> str:
    """Return a text that Plotly shows as it is: it takes <b>, <a> and their like for orders."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(frozen=True)
class Plot:
    """A figure, what it says in a sentence, and the same figures as a table.

    Attributes
    ----------
    name : str
        What the template calls it; unique on the page, letters, digits and _.
    title : str
        The heading, in the reader's language.
    summary : str
        What a reader who does not see it must know, in a sentence.
    columns : sequence of str
        Headings of the table.
    rows : sequence of sequences of str
        The table's rows, as they are shown; the first cell of each names the row.
    data : sequence of mappings
        Plotly's traces.
    layout : mapping, optional
        Plotly's layout where it differs from ours.
    height : int, optional
        Height in pixels.
    is_table_open : bool, optional
        Whether the table is shown without being asked for.
    """

    name: str
    title: str
    summary: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any] = field(default_factory=dict)
    height: int = 320
    is_table_open: bool = False

    @property
    def figure(self) -> dict[str, Any]:
        """The whole figure: our layout under that of the plot."""
        layout = _merged({**_LAYOUT, "height": self.height}, self.layout)
        for name in [name for name in layout if name.startswith(("xaxis", "yaxis"))]:
            layout[name] = _merged(_AXIS, layout[name])
        for name in ("xaxis", "yaxis"):
            layout.setdefault(name, dict(_AXIS))
        return {"data": list(self.data), "layout": layout}

    @property
    def json(self) -> Markup:
        """The figure as text that may stand inside a script element: nothing in it can end the element."""
        text = json.dumps(self.figure, ensure_ascii=False, default=str, allow_nan=False)
        for character in "<>&\u2028\u2029":
            text = text.replace(character, f"\\u{ord(character):04x}")
        return Markup(text)  # noqa: S704  the characters that HTML reads were replaced just now


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        below = merged.get(name)
        is_deep = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(below, value) if is_deep and isinstance(below, Mapping) else value
    return merged
