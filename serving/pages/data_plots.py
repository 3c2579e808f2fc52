"""Plots of the page of the data."""

from collections.abc import Sequence

from serving.pages.data_figures import Data
from serving.pages.language import Words
from serving.pages.plots import SERIES_COLOURS, Plot
from serving.pages.published import Row


def data_plots(words: Words, data: Data) -> list[Plot]:
    """Return the plots for which there are figures."""
    plots = [_deliveries_plot(words, data.by_day)] if data.by_day else []
    if data.quarantine:
        plots.append(_quarantine_plot(words, data.quarantine))
    return plots


def _deliveries_plot(words: Words, by_day: Sequence[Row]) -> Plot:
    parts = (
        ("rows_accepted", SERIES_COLOURS[0]),
        ("rows_quarantined", "var(--bad)"),
        ("rows_duplicate", SERIES_COLOURS[5]),
    )
    aside = sum(int(row["rows_quarantined"] or 0) for row in by_day)
    taken = sum(int(row["rows_accepted"] or 0) for row in by_day)
    return Plot(
        name="deliveries",
        title=words("data.rows_by_day"),
        summary=words(
            "data.rows_by_day_summary",
            days=len(by_day),
            aside=aside,
            share=words.percent(aside / (aside + taken) if aside + taken else None, 3),
        ),
        columns=[words("data.day"), *(words(f"data.{name}") for name, _ in parts)],
        rows=[
            [words.short_day(row["delivery_date"]), *(words.number(row[name]) for name, _ in parts)]
            for row in reversed(by_day)
        ],
        data=[
            {
                "type": "bar",
                "name": words(f"data.{name}"),
                "x": [str(row["delivery_date"]) for row in by_day],
                "y": [int(row[name] or 0) for row in by_day],
                "marker": {"color": colour},
                "hovertemplate": "%{x}: %{y:,d}<extra>%{fullData.name}</extra>",
            }
            for name, colour in parts
        ],
        layout={"barmode": "stack", "bargap": 0.15, "yaxis": {"tickformat": ",d"}},
    )


def _quarantine_plot(words: Words, rows: Sequence[Row]) -> Plot:
    bars = list(reversed(rows))
    most = rows[0]
    return Plot(
        name="quarantine",
        title=words("data.quarantine"),
        summary=words(
            "data.quarantine_summary",
            reason=words.word("quarantine", most["rule"]),
            rows=int(most["rows_in_all"]),
        ),
        columns=[
            words("data.reason"),
            words("data.rows_in_all"),
            words("data.rows_lately"),
            words("data.deliveries"),
            words("data.newest"),
        ],
        rows=[
            [
                words.word("quarantine", row["rule"]),
                words.number(int(row["rows_in_all"])),
                words.number(int(row["rows_lately"])),
                words.number(row["deliveries"]),
                words.short_day(row["newest"]),
            ]
            for row in rows
        ],
        data=[
            {
                "type": "bar",
                "orientation": "h",
                "y": [words.word("quarantine", row["rule"]) for row in bars],
                "x": [int(row["rows_in_all"]) for row in bars],
                "text": [words.number(int(row["rows_in_all"])) for row in bars],
                "textposition": "auto",
                "cliponaxis": False,
                "marker": {"color": SERIES_COLOURS[0]},
                "hovertemplate": "%{y}: %{x:,d}<extra></extra>",
            }
        ],
        layout={
            "bargap": 0.35,
            "xaxis": {"showticklabels": False, "showgrid": False, "zeroline": False},
            "yaxis": {"type": "category", "showgrid": False, "ticksuffix": "  "},
        },
        height=60 + 34 * len(rows),
        is_table_open=True,
    )
