"""Plots of the page of the day."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from serving.pages.language import Words
from serving.pages.plots import TIER_COLOURS, Plot, as_text
from serving.pages.small_cells import Group, folded, hidden_cells
from serving.pages.today_figures import GONE, NEW, TIERS

MOST_COUNTRIES = 8


def flow_plot(words: Words, flow: Mapping[tuple[str, str], int], before: date, *, is_masked: bool) -> Plot:
    """Return the flow of users between tiers since the day before, as ribbons and as a crossed table."""
    starts, ends = (*TIERS, NEW), (*TIERS, GONE)
    table = [[flow.get((start, end), 0) for end in ends] for start in starts]
    hidden = hidden_cells(table) if is_masked else frozenset()
    shown = {
        (start, end): table[row][column]
        for row, start in enumerate(starts)
        for column, end in enumerate(ends)
        if (row, column) not in hidden
    }
    too_few = words("today.too_few")
    links = [(start, end, users) for (start, end), users in shown.items() if users]
    labels = [words.word("risk_tier", tier) for tier in (*starts, *ends)]
    return Plot(
        name="flow",
        title=words("today.flow"),
        summary=words("today.flow_summary", day=words.day(before)),
        columns=[words("today.flow_from"), *(f"→ {words.word('risk_tier', end)}" for end in ends)],
        rows=[
            [
                words.word("risk_tier", start),
                *(
                    too_few if (users := shown.get((start, end))) is None else words.number(users)
                    for end in ends
                ),
            ]
            for start in starts
        ],
        data=[
            {
                "type": "sankey",
                "arrangement": "snap",
                "valueformat": ",d",
                "node": {
                    "label": labels,
                    "color": [TIER_COLOURS.get(tier, "var(--tier-none)") for tier in (*starts, *ends)],
                    "x": [0.001] * len(starts) + [0.999] * len(ends),
                    "y": [0.15, 0.5, 0.8, 0.98, 0.15, 0.5, 0.8, 0.98],
                    "pad": 18,
                    "thickness": 14,
                    "line": {"width": 0},
                    "hovertemplate": "%{label}: %{value:,d}<extra></extra>",
                },
                "link": {
                    "source": [starts.index(start) for start, _, _ in links],
                    "target": [len(starts) + ends.index(end) for _, end, _ in links],
                    "value": [users for _, _, users in links],
                    "color": [f"var(--tier-{end if end in TIERS else 'none'}-flow)" for _, end, _ in links],
                    "hovertemplate": "%{source.label} → %{target.label}: %{value:,d}<extra></extra>",
                },
            }
        ],
        height=340,
    )


def mix_plot(words: Words, users: Mapping[tuple[str, str], int], *, is_masked: bool) -> Plot:
    """Return the risk tiers of each value tier as stacked bars: what there is to see on the first day."""
    table = [[users.get((value, tier), 0) for tier in TIERS] for value in TIERS]
    hidden = hidden_cells(table) if is_masked else frozenset()
    labels = [words.word("value_tier", value) for value in TIERS]
    shown = [
        [None if (row, column) in hidden else table[row][column] for column in range(len(TIERS))]
        for row in range(len(TIERS))
    ]
    return Plot(
        name="mix",
        title=words("today.mix"),
        summary=words("today.mix_summary"),
        columns=[words("today.value_tier"), *(words.word("risk_tier", tier) for tier in TIERS)],
        rows=[
            [label, *(words("today.too_few") if users is None else words.number(users) for users in row)]
            for label, row in zip(labels, shown, strict=True)
        ],
        data=[
            {
                "type": "bar",
                "orientation": "h",
                "name": words.word("risk_tier", tier),
                "y": list(reversed(labels)),
                "x": [row[column] for row in reversed(shown)],
                "text": ["" if row[column] is None else words.number(row[column]) for row in reversed(shown)],
                "textposition": "inside",
                "insidetextanchor": "middle",
                "marker": {"color": TIER_COLOURS[tier], "line": {"width": 1, "color": "var(--surface)"}},
                "hovertemplate": "%{y}, %{fullData.name}: %{text}<extra></extra>",
            }
            for column, tier in enumerate(TIERS)
        ],
        layout={
            "barmode": "stack",
            "bargap": 0.35,
            "legend": {"traceorder": "normal"},
            "xaxis": {"showticklabels": False, "showgrid": False, "zeroline": False, "showline": False},
            "yaxis": {"showgrid": False, "ticks": "", "showline": False, "ticksuffix": "  "},
        },
        height=270,
    )


def revenue_plot(words: Words, column: str, rows: Sequence[Mapping[str, Any]], *, is_masked: bool) -> Plot:
    """Return the revenue at risk by value tier or country, as bars."""
    parts = _parts(words, column, rows, is_masked=is_masked)
    total = sum(amount for _, _, amount in parts)
    largest = max(parts, key=lambda part: part[2], default=None)
    bars = list(reversed(parts))
    scored = words("today.users_scored")
    return Plot(
        name=f"revenue_by_{column}",
        title=words(f"today.revenue_by_{column}"),
        summary=words("today.revenue_summary", part=largest[0], share=words.percent(largest[2] / total, 0))
        if largest is not None and total
        else words("today.revenue_none"),
        columns=[
            words(f"today.{column}"),
            scored,
            words("today.revenue_at_risk"),
        ],
        rows=[[label, words.number(users), words.money(amount)] for label, users, amount in parts],
        data=[
            {
                "type": "bar",
                "orientation": "h",
                "y": [as_text(label) for label, _, _ in bars],
                "x": [round(amount, 2) for _, _, amount in bars],
                "text": [words.money(amount) for _, _, amount in bars],
                "customdata": [words.number(users) for _, users, _ in bars],
                "textposition": "auto",
                "cliponaxis": False,
                "marker": {"color": "var(--series-1)"},
                "hovertemplate": f"%{{y}}: %{{text}}<br>{scored}: %{{customdata}}<extra></extra>",
            }
        ],
        layout={
            "bargap": 0.35,
            "xaxis": {"showticklabels": False, "showgrid": False, "zeroline": False, "showline": False},
            "yaxis": {
                "showgrid": False,
                "ticks": "",
                "showline": False,
                "type": "category",
                "ticksuffix": "  ",
            },
        },
        height=60 + 44 * max(1, len(parts)),
    )


def _parts(
    words: Words, column: str, rows: Sequence[Mapping[str, Any]], *, is_masked: bool
) -> list[tuple[str, int, float]]:
    """Return label, users and amount of each bar; small groups go together for those who see no user."""
    unknown = words("today.unknown")
    groups = [
        Group(
            words.word(column, row["part"]) if row["part"] is not None else unknown,
            {"users": int(row["users"])},
            float(row["revenue_at_risk"] or 0),
        )
        for row in rows
    ]
    if is_masked:
        shown = folded(groups, rest_label=words("today.others"))
        groups = [*shown.groups, *([shown.rest] if shown.rest else [])]
    if len(groups) > MOST_COUNTRIES:
        rest = groups[MOST_COUNTRIES - 1 :]
        users, amount = sum(group.users for group in rest), sum(group.amount or 0 for group in rest)
        groups = [*groups[: MOST_COUNTRIES - 1], Group(words("today.others"), {"users": users}, amount)]
    return [(group.label, group.users, group.amount or 0.0) for group in groups]
