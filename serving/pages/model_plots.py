"""Plots of the page of the model."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from serving.pages.intervals import error_bars, interval
from serving.pages.language import Words
from serving.pages.model_figures import Model
from serving.pages.plots import SERIES_COLOURS, Plot, as_text
from serving.pages.published import Row
from serving.pages.trainings import MEASURE, RECENCY_RULE

#: Every n-th point of a curve stands in its table: a hundred lines are read by nobody.
TABLE_STEP = 10
DASHED = {"color": "var(--line-strong)", "width": 1.5, "dash": "dash"}


def model_plots(words: Words, model: Model) -> list[Plot]:
    """Return every plot for which there are figures."""
    chosen = model.champion.chosen if model.champion else None
    plots = [
        _curve_plot(words, curve, model.curves[curve], chosen)
        for curve in ("gain", "lift")
        if model.curves.get(curve)
    ]
    before = model.curves.get("reliability_before", {}).get(chosen or "", ())
    after = model.curves.get("reliability_after", {}).get(chosen or "", ())
    if after:
        plots.append(_reliability_plot(words, before, after))
    distribution = model.curves.get("score_distribution", {}).get(chosen or "", ())
    if distribution:
        plots.append(_distribution_plot(words, distribution))
    if model.backtest:
        plots.append(_backtest_plot(words, model.backtest, chosen))
    for name, rows, label in (
        ("themes", model.themes, lambda row: words.word("theme", row["theme"])),
        ("inputs", model.importance, lambda row: row["feature"]),
    ):
        if rows:
            plots.append(_importance_plot(words, name, rows, label))
    if model.learning_curve:
        plots.append(_learning_plot(words, model.learning_curve))
    return plots


def _curve_plot(
    words: Words, curve: str, by_candidate: Mapping[str, Sequence[Row]], chosen: str | None
) -> Plot:
    names = _chosen_first(by_candidate, chosen)
    show = words.percent if curve == "gain" else words.number
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": words.word("candidate", name),
            "x": [row["x"] for row in by_candidate[name]],
            "y": [row["y"] for row in by_candidate[name]],
            "line": _line(name, chosen, number),
            "hovertemplate": "%{x:.0%}: "
            + ("%{y:.0%}" if curve == "gain" else "%{y:.2f}")
            + "<extra>%{fullData.name}</extra>",
        }
        for number, name in enumerate(names)
    ]
    by_chance = {"x": [0, 1], "y": [0, 1]} if curve == "gain" else {"x": [0, 1], "y": [1, 1]}
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": words("model.by_chance"),
            "line": DASHED,
            "hoverinfo": "skip",
            **by_chance,
        }
    )
    shares = {name: {round(row["x"], 4): row["y"] for row in by_candidate[name]} for name in names}
    marks = sorted(
        {x for found in shares.values() for x in found if x > 0 and round(x * 100) % TABLE_STEP == 0}
    )
    at_tenth = shares[names[0]].get(0.1)
    return Plot(
        name=curve,
        title=words(f"model.{curve}"),
        summary=words(f"model.{curve}_summary", value=show(at_tenth, 0 if curve == "gain" else 2)),
        columns=[words("model.contacted"), *(words.word("candidate", name) for name in names)],
        rows=[
            [
                words.percent(x, 0),
                *(show(shares[name].get(x), 1 if curve == "gain" else 2) for name in names),
            ]
            for x in marks
        ],
        data=data,
        layout={
            "xaxis": {"tickformat": ".0%", "title": {"text": words("model.contacted")}, "range": [0, 1]},
            "yaxis": {"tickformat": ".0%", "range": [0, 1.02]}
            if curve == "gain"
            else {"rangemode": "tozero"},
        },
    )


def _reliability_plot(words: Words, before: Sequence[Row], after: Sequence[Row]) -> Plot:
    said = ((words("model.before"), before, 1), (words("model.after"), after, 0))
    gaps = [abs(row["x"] - row["y"]) for row in after]
    return Plot(
        name="reliability",
        title=words("model.reliability"),
        summary=words("model.reliability_summary", gap=words.percent(max(gaps))),
        columns=[
            words("model.tenth"), words("model.mean_score_before"), words("model.churn_rate_before"),
            words("model.mean_score_after"), words("model.churn_rate_after"),
        ],
        rows=[
            [
                words.number(number + 1),
                *(
                    words.percent(rows[number][axis] if number < len(rows) else None)
                    for rows in (before, after)
                    for axis in ("x", "y")
                ),
            ]
            for number in range(len(after))
        ],
        data=[
            {"type": "scatter", "mode": "lines", "name": words("model.perfect"), "x": [0, 1], "y": [0, 1],
             "line": DASHED, "hoverinfo": "skip"},
            *(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "name": name,
                    "x": [row["x"] for row in rows],
                    "y": [row["y"] for row in rows],
                    "line": {"color": SERIES_COLOURS[colour], "width": 2 + (colour == 0)},
                    "marker": {"size": 7, "symbol": "circle" if colour == 0 else "circle-open"},
                    "hovertemplate": "%{x:.0%} → %{y:.0%}<extra>%{fullData.name}</extra>",
                }
                for name, rows, colour in said
                if rows
            ),
        ],
        layout={
            "xaxis": {"tickformat": ".0%", "range": [0, 1], "title": {"text": words("model.mean_score")}},
            "yaxis": {"tickformat": ".0%", "range": [0, 1.02], "title": {"text": words("model.churn_rate")}},
        },
    )  # fmt: skip


def _distribution_plot(words: Words, rows: Sequence[Row]) -> Plot:
    most = max(rows, key=lambda row: row["y"])
    return Plot(
        name="distribution",
        title=words("model.distribution"),
        summary=words("model.distribution_summary", score=words.percent(most["x"], 0)),
        columns=[words("model.score"), words("model.share_of_users")],
        rows=[[words.percent(row["x"]), words.percent(row["y"])] for row in rows],
        data=[
            {
                "type": "bar",
                "x": [row["x"] for row in rows],
                "y": [row["y"] for row in rows],
                "marker": {"color": SERIES_COLOURS[0]},
                "hovertemplate": "%{x:.1%}: %{y:.1%}<extra></extra>",
            }
        ],
        layout={
            "bargap": 0.08,
            "xaxis": {"tickformat": ".0%", "range": [0, 1], "title": {"text": words("model.score")}},
            "yaxis": {"tickformat": ".0%"},
        },
    )


def _backtest_plot(words: Words, rows: Sequence[Row], chosen: str | None) -> Plot:
    by_candidate: dict[str, list[Row]] = {}
    for row in rows:
        by_candidate.setdefault(row["candidate"], []).append(row)
    names = _chosen_first(by_candidate, chosen)
    days = sorted({row["as_of_date"] for row in rows})
    found = {(row["candidate"], row["as_of_date"]): row for row in rows}
    ahead = sum(
        (found.get((names[0], day), {}).get("value") or 0)
        > (found.get((RECENCY_RULE, day), {}).get("value") or 0)
        for day in days
    )
    return Plot(
        name="backtest",
        title=words("model.backtest"),
        summary=words("model.backtest_summary", ahead=ahead, days=len(days)),
        columns=[words("model.day"), *(words.word("candidate", name) for name in names)],
        rows=[
            [words.short_day(day), *(interval(words, found.get((name, day))) for name in names)]
            for day in days
        ],
        data=[
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": words.word("candidate", name),
                "x": [str(row["as_of_date"]) for row in by_candidate[name]],
                "y": [row["value"] for row in by_candidate[name]],
                "error_y": error_bars(by_candidate[name]),
                "line": _line(name, chosen, number),
                "hovertemplate": "%{x}: %{y:.3f}<extra>%{fullData.name}</extra>",
            }
            for number, name in enumerate(names)
        ],
        layout={"yaxis": {"title": {"text": words.word("metric", MEASURE)}, "tickformat": ".2f"}},
        height=340,
    )


def _importance_plot(words: Words, name: str, rows: Sequence[Row], label: Callable[[Row], str]) -> Plot:
    bars = list(reversed(rows))
    return Plot(
        name=name,
        title=words(f"model.{name}"),
        summary=words(f"model.{name}_summary", first=label(rows[0])),
        columns=[words(f"model.{name}_column"), words("model.lost")],
        rows=[
            [label(row), interval(words, {**row, "value": row["importance"]}, 4)] for row in rows
        ],
        data=[
            {
                "type": "bar",
                "orientation": "h",
                "y": [as_text(label(row)) for row in bars],
                "x": [row["importance"] for row in bars],
                "error_x": error_bars([{**row, "value": row["importance"]} for row in bars]),
                "marker": {"color": SERIES_COLOURS[0]},
                "hovertemplate": "%{y}: %{x:.4f}<extra></extra>",
            }
        ],
        layout={
            "bargap": 0.35,
            "xaxis": {"title": {"text": words("model.lost")}, "nticks": 5},
            "yaxis": {"showgrid": False, "type": "category", "ticksuffix": "  "},
        },
        height=90 + 24 * len(rows),
    )  # fmt: skip


def _learning_plot(words: Words, rows: Sequence[Row]) -> Plot:
    snapshots = max(row["snapshots"] for row in rows)
    more_history = [
        max((row for row in rows if row["snapshots"] == number), key=lambda row: row["training_rows"])
        for number in sorted({row["snapshots"] for row in rows})
    ]
    more_users = sorted(
        (row for row in rows if row["snapshots"] == snapshots), key=lambda row: row["training_rows"]
    )
    lines = ((words("model.more_history"), more_history, 0), (words("model.more_users"), more_users, 1))
    return Plot(
        name="learning",
        title=words("model.learning"),
        summary=words("model.learning_summary"),
        columns=[words("model.training_rows"), words("model.snapshots"), words.word("metric", MEASURE)],
        rows=[
            [words.number(row["training_rows"]), words.number(row["snapshots"]), interval(words, row)]
            for row in rows
        ],
        data=[
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": [row["training_rows"] for row in own],
                "y": [row["value"] for row in own],
                "error_y": error_bars(own),
                "line": {"color": SERIES_COLOURS[colour], "width": 2, "dash": ("solid", "dot")[colour]},
                "marker": {"size": 7, "symbol": ("circle", "square")[colour]},
                "hovertemplate": "%{x:,d}: %{y:.3f}<extra>%{fullData.name}</extra>",
            }
            for name, own, colour in lines
        ],
        layout={
            "xaxis": {"title": {"text": words("model.training_rows")}, "tickformat": ",d", "nticks": 5},
            "yaxis": {"title": {"text": words.word("metric", MEASURE)}, "tickformat": ".2f"},
        },
        height=340,
    )


def _chosen_first(by_candidate: Mapping[str, Any], chosen: str | None) -> list[str]:
    return sorted(by_candidate, key=lambda name: (name != chosen, name))


def _line(name: str, chosen: str | None, number: int) -> dict[str, Any]:
    # not by colour alone: the chosen one is thick, the others are broken in their own ways
    dash = "solid" if name == chosen else ("dash", "dot", "dashdot", "longdash")[number % 4]
    return {
        "color": SERIES_COLOURS[number % len(SERIES_COLOURS)],
        "width": 3 if name == chosen else 1.75,
        "dash": dash,
    }
