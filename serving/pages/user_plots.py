"""Plots of a user's page: what happened when, and the score day by day."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from serving.pages.language import Words
from serving.pages.plots import TIER_COLOURS, Plot

#: Lanes from top to bottom, and the kinds of events in each.
LANES: Mapping[str, tuple[str, ...]] = {
    "orders": ("order",),
    "returns": ("return", "cancelled_order"),
    "service": ("complaint", "message", "review"),
    "cart": ("cart",),
    "visits": ("visit",),
    "contacts": ("contact", "contact_opened", "contact_clicked", "coupon"),
}
LANE_COLOURS = dict(
    zip(LANES, ("var(--series-1)", "var(--series-5)", "var(--series-2)", "var(--series-3)", "var(--series-6)",
                "var(--series-4)"), strict=True)
)  # fmt: skip
LANE_OF = {kind: lane for lane, kinds in LANES.items() for kind in kinds}


def timeline_plot(words: Words, events: Sequence[Mapping[str, Any]], as_of: date) -> Plot:
    """Return a user's year as lanes of dots; the table counts by month."""
    lanes = {words(f"users.lane_{lane}"): lane for lane in LANES}
    months = Counter[tuple[str, str]]()
    for event in events:
        months[f"{event['happened_on']:%Y-%m}", LANE_OF[event["kind"]]] += event["times"]
    traces = []
    for label, lane in lanes.items():
        mine = [event for event in events if LANE_OF[event["kind"]] == lane]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": label,
                "x": [event["happened_on"].isoformat() for event in mine],
                "y": [label for _ in mine],
                "text": [_told(words, event) for event in mine],
                "hovertemplate": "%{x|%Y-%m-%d}<br>%{text}<extra></extra>",
                "marker": {
                    "color": LANE_COLOURS[lane],
                    "size": [min(18, 7 + 2 * event["times"]) if lane != "visits" else 6 for event in mine],
                    "symbol": ["diamond" if event["kind"] == "complaint" else "circle" for event in mine],
                    "opacity": 0.5 if lane == "visits" else 0.85,
                    "line": {"width": 1, "color": "var(--surface)"},
                },
            }
        )
    return Plot(
        name="timeline",
        title=words("users.timeline"),
        summary=words("users.timeline_summary", day=words.day(as_of)),
        columns=[words("users.month"), *lanes],
        rows=[
            [month, *(words.number(months[month, lane]) for lane in lanes.values())]
            for month in sorted({month for month, _ in months}, reverse=True)
        ],
        data=traces,
        layout={
            "showlegend": False,
            "xaxis": {
                "type": "date",
                "tickformat": "%Y-%m",
                "dtick": "M2",
                "tick0": "2000-01-01",
                "range": [(as_of - timedelta(days=372)).isoformat(), (as_of + timedelta(days=8)).isoformat()],
            },
            "yaxis": {
                "type": "category",
                "categoryorder": "array",
                "categoryarray": list(reversed(lanes)),
                "range": [-0.6, len(lanes) - 0.4],
                "showline": False,
                "ticksuffix": "  ",
            },
        },
        height=300,
    )


def history_plot(words: Words, history: Sequence[Mapping[str, Any]]) -> Plot:
    """Return a user's probability of leaving day by day, each dot in the colour and shape of its tier."""
    symbols = {"high": "triangle-up", "medium": "diamond", "low": "circle"}
    first, last = history[0], history[-1]
    return Plot(
        name="history",
        title=words("users.history"),
        summary=words(
            "users.history_summary",
            first=words.percent(first["churn_probability"], 0),
            first_day=words.day(first["as_of_date"]),
            last=words.percent(last["churn_probability"], 0),
            last_day=words.day(last["as_of_date"]),
        )
        if len(history) > 1
        else words("users.history_one", last=words.percent(last["churn_probability"], 0)),
        columns=[words("users.day"), words("users.probability"), words("users.tier")],
        rows=[
            [
                words.short_day(row["as_of_date"]),
                words.percent(row["churn_probability"]),
                words.word("risk_tier", row["risk_tier"]),
            ]
            for row in reversed(history)
        ],
        data=[
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": [row["as_of_date"].isoformat() for row in history],
                "y": [row["churn_probability"] for row in history],
                "text": [words.word("risk_tier", row["risk_tier"]) for row in history],
                "hovertemplate": "%{x|%Y-%m-%d}<br>%{y:.1%} · %{text}<extra></extra>",
                "line": {"color": "var(--line-strong)", "width": 2},
                "marker": {
                    "size": 11,
                    "color": [TIER_COLOURS[row["risk_tier"]] for row in history],
                    "symbol": [symbols[row["risk_tier"]] for row in history],
                },
            }
        ],
        layout={
            "showlegend": False,
            "xaxis": {
                "type": "date",
                "tickformat": "%m-%d",
                "range": [
                    (first["as_of_date"] - timedelta(days=2)).isoformat(),
                    (last["as_of_date"] + timedelta(days=2)).isoformat(),
                ],
                # few days are named one by one
                **(
                    {"tickvals": [row["as_of_date"].isoformat() for row in history]}
                    if len(history) < 8
                    else {}
                ),
            },
            "yaxis": {"range": [-0.02, 1.04], "tickformat": ".0%", "nticks": 6},
        },
        height=260,
    )


def _told(words: Words, event: Mapping[str, Any]) -> str:
    told = f"{words.word('timeline', event['kind'])} × {event['times']}"
    return told if event["amount"] is None else f"{told}, {words.money(event['amount'])}"
