"""Figures are Plotly's, carry their numbers as tables, and may stand inside a page."""

import json
import re
from datetime import date
from typing import Any

import plotly.graph_objects as go
import pytest

from serving.pages.assets import asset
from serving.pages.language import Words
from serving.pages.plots import Plot
from serving.pages.today_plots import flow_plot, mix_plot, revenue_plot
from serving.pages.user_plots import history_plot, timeline_plot

WORDS = Words("en", "CNY")
DAY = date(2026, 6, 30)
REVENUE = [
    {"part": f"C{number}", "users": 20, "revenue_at_risk": 100.0 * number, "revenue_if_staying": 1.0}
    for number in range(12, 0, -1)
]


def figures() -> list[Plot]:
    history = [{"as_of_date": DAY, "churn_probability": 0.9, "risk_tier": "high"}]
    events = [{"happened_on": DAY, "kind": "order", "times": 2, "amount": 5.0}]
    return [
        flow_plot(WORDS, {("high", "low"): 12, ("new", "high"): 30}, DAY, is_masked=False),
        mix_plot(WORDS, {("high", "low"): 12, ("low", "high"): 30}, is_masked=False),
        revenue_plot(WORDS, "country", REVENUE, is_masked=False),
        timeline_plot(WORDS, events, DAY),
        history_plot(WORDS, history),
    ]


def with_colours(value: Any) -> Any:
    """Put a colour in for every variable of the style sheet, as the script does."""
    if isinstance(value, dict):
        return {name: with_colours(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [with_colours(one) for one in value]
    return (
        re.sub(r"var\(--font\)", "Arial", re.sub(r"var\(--(?!font)[\w-]+\)", "#123456", value))
        if isinstance(value, str)
        else value
    )


@pytest.mark.parametrize("plot", figures(), ids=lambda plot: plot.name)
def test_plotly_takes_every_figure(plot: Plot) -> None:
    # raises for a name or a value that Plotly does not know
    figure = go.Figure(with_colours(plot.figure))
    assert figure.data
    assert plot.rows
    assert all(len(row) == len(plot.columns) for row in plot.rows)


@pytest.mark.parametrize("plot", figures(), ids=lambda plot: plot.name)
def test_every_colour_is_one_of_the_style_sheets_in_light_and_dark(plot: Plot) -> None:
    light, dark = asset("page.css").content.decode().split("@media (prefers-color-scheme: dark)", 1)
    named = set(re.findall(r"var\((--[\w-]+)\)", plot.json))
    assert named
    for name in named:
        assert f"{name}:" in light, name
        assert name == "--font" or f"{name}:" in dark.split("/* ---")[0], name


def test_nothing_in_a_figure_can_end_the_element_it_stands_in() -> None:
    plot = Plot("x", "", "", [], [], [{"type": "bar", "y": ["</script><script>alert(1)</script>&\u2028"]}])
    assert not re.search(r"[<>&\u2028]", plot.json)
    assert json.loads(plot.json)["data"][0]["y"] == ["</script><script>alert(1)</script>&\u2028"]


def test_a_figure_that_is_not_a_number_fails_instead_of_breaking_the_script() -> None:
    with pytest.raises(ValueError, match="JSON"):
        _ = Plot("x", "", "", [], [], [{"y": [float("nan")]}]).json


def test_many_countries_are_cut_to_eight_and_the_rest_is_kept_in_the_sum() -> None:
    plot = revenue_plot(WORDS, "country", REVENUE, is_masked=False)
    assert len(plot.rows) == 8
    assert plot.rows[-1][0] == "Others"
    assert sum(plot.data[0]["x"]) == pytest.approx(sum(row["revenue_at_risk"] for row in REVENUE))


def test_a_plots_own_layout_changes_only_what_it_names() -> None:
    layout = Plot("x", "", "", [], [], [], {"xaxis": {"title": {"text": "X"}}}).figure["layout"]
    assert layout["xaxis"]["title"] == {"standoff": 10, "text": "X"}
    assert layout["xaxis"]["fixedrange"] is True
    assert layout["yaxis"]["fixedrange"] is True
