"""Plots of the page of campaigns: effects as points on their intervals, and the way from contact to order."""

from collections.abc import Callable, Sequence

from serving.pages.campaign_figures import STEPS, may_be_read
from serving.pages.language import Words
from serving.pages.plots import SERIES_COLOURS, Plot
from serving.pages.published import Row

VERDICT_COLOURS = {"better": "var(--good)", "worse": "var(--bad)"}
#: Outcomes whose effect is drawn, with how it is written.
DRAWN = ("churned", "net_margin")


def campaign_plots(words: Words, effects: Sequence[Row], funnel: Sequence[Row]) -> list[Plot]:
    """Return the plots for which there are figures."""
    plots = []
    for outcome in DRAWN:
        rows = [row for row in effects if row["outcome"] == outcome and is_drawn(row)]
        if rows:
            plots.append(_effect_plot(words, outcome, rows))
    if sum(row["sent"] for row in funnel):
        plots.append(_funnel_plot(words, funnel))
    return plots


def is_drawn(row: Row) -> bool:
    """Tell whether an effect has an interval that may be read."""
    return may_be_read(row) and row["adjusted_difference_low"] is not None


def written(words: Words, outcome: str) -> Callable[[float | None], str]:
    """Return how a difference of an outcome is written: shares in points of a per cent, money as money."""
    if outcome in ("churned", "unsubscribed"):
        return lambda value: "–" if value is None else _points(words, value)
    if outcome in ("revenue", "net_margin", "returned_amount"):
        return lambda value: ("+" if value is not None and value > 0 else "") + words.money(value, 2)
    return lambda value: words.change(value, 3)


def _points(words: Words, value: float) -> str:
    return words("campaigns.points", value=words.change(100 * value, 1))


def _effect_plot(words: Words, outcome: str, rows: Sequence[Row]) -> Plot:
    write = written(words, outcome)
    ordered = list(reversed(rows))
    scale = 100 if outcome == "churned" else 1
    labels = [_label(words, row, rows) for row in ordered]
    verdicts = [words.word("effect_verdict", row["verdict"]) for row in ordered]
    clear = [row for row in rows if row["verdict"] in VERDICT_COLOURS]
    return Plot(
        name=f"effect_{outcome}",
        title=words(f"campaigns.effect_{outcome}"),
        summary=words(f"campaigns.effect_{outcome}_summary", clear=len(clear), count=len(rows)),
        columns=[
            words("campaigns.campaign"),
            words("campaigns.difference"),
            words("campaigns.from"),
            words("campaigns.to"),
            words("campaigns.verdict"),
        ],
        rows=[
            [
                _label(words, row, rows),
                write(row["adjusted_difference"]),
                write(row["adjusted_difference_low"]),
                write(row["adjusted_difference_high"]),
                words.word("effect_verdict", row["verdict"]),
            ]
            for row in rows
        ],
        data=[
            {
                "type": "scatter",
                "mode": "markers",
                "y": labels,
                "x": [row["adjusted_difference"] * scale for row in ordered],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [
                        (row["adjusted_difference_high"] - row["adjusted_difference"]) * scale
                        for row in ordered
                    ],
                    "arrayminus": [
                        (row["adjusted_difference"] - row["adjusted_difference_low"]) * scale
                        for row in ordered
                    ],
                    "thickness": 3,
                    "width": 7,
                    "color": "var(--line-strong)",
                },
                "marker": {
                    "size": 13,
                    "color": [VERDICT_COLOURS.get(row["verdict"], "var(--tier-none)") for row in ordered],
                    # not by colour alone
                    "symbol": [
                        "circle" if row["verdict"] in VERDICT_COLOURS else "circle-open" for row in ordered
                    ],
                },
                "customdata": verdicts,
                "text": [write(row["adjusted_difference"]) for row in ordered],
                "hovertemplate": "%{y}: %{text}<br>%{customdata}<extra></extra>",
            }
        ],
        layout={
            "xaxis": {
                "title": {"text": words(f"campaigns.effect_{outcome}_axis")},
                "zeroline": True,
                "zerolinewidth": 2,
            },
            "yaxis": {"type": "category", "showgrid": False, "ticksuffix": "  "},
        },
        height=130 + 46 * len(rows),
    )


def _label(words: Words, row: Row, rows: Sequence[Row]) -> str:
    name = words.word("campaign", row["campaign_id"])
    twice = sum(other["campaign_id"] == row["campaign_id"] for other in rows) > 1
    return f"{name} ({row['experiment_id']})" if twice else name


def _funnel_plot(words: Words, funnel: Sequence[Row]) -> Plot:
    campaigns = list(dict.fromkeys(row["campaign_id"] for row in funnel))
    totals = {
        name: [sum(row[step] for row in funnel if row["campaign_id"] == name) for step in STEPS]
        for name in campaigns
    }
    everything = [sum(own[step] for own in totals.values()) for step in range(len(STEPS))]
    steps = [words(f"campaigns.step_{step}") for step in STEPS]
    share = everything[-1] / everything[0] if everything[0] else None
    return Plot(
        name="funnel",
        title=words("campaigns.funnel"),
        summary=words("campaigns.funnel_summary", sent=everything[0], share=words.percent(share)),
        columns=[words("campaigns.campaign"), *steps],
        rows=[
            [words.word("campaign", name), *(words.number(count) for count in totals[name])]
            for name in campaigns
        ],
        data=[
            {
                "type": "bar",
                "name": words.word("campaign", name),
                "x": steps,
                "y": totals[name],
                "text": [words.number(count) for count in totals[name]],
                "textposition": "outside",
                "cliponaxis": False,
                "marker": {"color": SERIES_COLOURS[number % len(SERIES_COLOURS)]},
                "hovertemplate": "%{x}: %{text}<extra>%{fullData.name}</extra>",
            }
            for number, name in enumerate(campaigns)
        ],
        layout={"barmode": "group", "bargap": 0.3, "yaxis": {"tickformat": ",d", "rangemode": "tozero"}},
    )
