"""Pictures of the report tables: gain, lift, reliability, scores, importance, backtest, learning curve.

Every function takes the rows of one model, as in the published tables, and returns a matplotlib figure that
belongs to nobody: no global state, drawn without a screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml.candidates import RECENCY_RULE
from ml.drawing import (
    BLUE,
    DOTTED,
    INK,
    SOFT,
    STYLES,
    Style,
    canvas,
    in_days,
    in_percent,
    save_picture,
    styled,
    wilson,
    worded,
)
from ml.importance import WHOLE_THEME

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INPUTS_SHOWN = 15


def write_plots(reports: Mapping[str, pd.DataFrame], champion: str, folder: Path) -> dict[str, Path]:
    """Draw every picture that the report tables allow, and return their files by name.

    The same tables give the same bytes.

    Parameters
    ----------
    reports : mapping of str to pandas.DataFrame
        Rows of one model by table: model_curves, model_importance, model_backtest, model_learning_curve. A
        table that is absent or empty has no picture.
    champion : str
        The candidate that the report is about.
    folder : Path
        Where `<name>.png` is written; made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for name, (table, draw) in PLOTS.items():
        rows = reports.get(table)
        if rows is not None and len(rows):
            written[name] = folder / f"{name}.png"
            save_picture(draw(rows, champion), written[name])
    return written


def gain_plot(curves: pd.DataFrame, champion: str) -> Figure:
    """Draw the share of churners among the riskiest users against the share of users contacted."""
    figure = canvas("Churners reached when the riskiest users are contacted first")
    (axes,) = figure.axes
    for name, (colour, style, _), points in _each(curves, "gain", champion):
        axes.plot(points["x"], points["y"], color=colour, ls=style, lw=2, label=worded(name))
    churn_rate = _churn_rate(curves, champion)
    axes.plot([0, churn_rate, 1], [0, 1, 1], color=SOFT, lw=1, ls=DOTTED, label="best possible")
    axes.plot([0, 1], [0, 1], color=SOFT, lw=1, label="by chance")
    axes.set_xlabel("Users contacted, riskiest first (% of all)")
    axes.set_ylabel("Churners among them (% of all churners)")
    in_percent(axes)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.legend(loc="lower right", frameon=False)
    return figure


def lift_plot(curves: pd.DataFrame, champion: str) -> Figure:
    """Draw how many times more often the riskiest users churn than everybody."""
    figure = canvas("How much more often the riskiest users churn than everybody")
    (axes,) = figure.axes
    for name, (colour, style, _), points in _each(curves, "lift", champion):
        axes.plot(points["x"], points["y"], color=colour, ls=style, lw=2, label=worded(name))
    churn_rate = _churn_rate(curves, champion)
    shares = np.linspace(0.01, 1, 100)
    best = np.minimum(1, churn_rate / shares) / churn_rate
    axes.plot(shares, best, color=SOFT, lw=1, ls=DOTTED, label="best possible")
    axes.axhline(1, color=SOFT, lw=1, label="by chance")
    axes.set_xlabel("Users contacted, riskiest first (% of all)")
    axes.set_ylabel("Lift (churn rate among them / of everybody)")
    in_percent(axes, y=False)
    axes.set_xlim(0, 1)
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=5,
        columnspacing=1.2,
        frameon=False,
        fontsize=9,
    )
    return figure


def reliability_plot(curves: pd.DataFrame, champion: str) -> Figure:
    """Draw churn rates of ten groups of users against their mean score, with Wilson intervals."""
    figure = canvas("Users who churned against what the score had said")
    (axes,) = figure.axes
    axes.plot([0, 1], [0, 1], color=SOFT, lw=1, label="score = share that churned")
    for curve, label, (colour, style, marker), shift in (
        ("reliability_before", "before calibration", STYLES[1], -0.003),
        ("reliability_after", "after calibration", STYLES[0], 0.003),
    ):
        points = _points(curves, curve, champion)
        if points.empty:
            continue
        lower, upper = wilson(points["y"].to_numpy(), points["users"].to_numpy())
        axes.errorbar(
            points["x"] + shift,
            points["y"],
            yerr=[points["y"] - lower, upper - points["y"]],
            color=colour,
            ls=style,
            marker=marker,
            ms=5,
            mfc="white" if curve == "reliability_before" else colour,
            lw=1.5,
            elinewidth=1,
            capsize=2,
            label=label,
        )
    axes.set_xlabel("Mean churn probability of a tenth of the users (%)")
    axes.set_ylabel("Users of that tenth who churned (%)")
    in_percent(axes)
    axes.legend(loc="upper left", frameon=False)
    return figure


def score_distribution_plot(curves: pd.DataFrame, champion: str) -> Figure:
    """Draw how the churn probabilities are spread."""
    figure = canvas("How the churn probabilities of the users are spread")
    (axes,) = figure.axes
    points = _points(curves, "score_distribution", champion)
    width = 1 / len(points)
    axes.bar(points["x"], 100 * points["y"], width=width * 0.92, color=BLUE, label=worded(champion))
    for name, (colour, style, _), other in _each(curves, "score_distribution", champion):
        if name == RECENCY_RULE != champion:
            edges = np.append(other["x"] - width / 2, 1.0)
            axes.stairs(100 * other["y"], edges, color=colour, ls=style, lw=1.5, label=worded(name))
    churn_rate = _churn_rate(curves, champion)
    axes.axvline(churn_rate, color=INK, lw=1, ls=DOTTED, label=f"share that churned ({churn_rate:.0%})")
    axes.set_xlabel("Churn probability (%)")
    axes.set_ylabel("Users with such a probability (%)")
    in_percent(axes, y=False)
    axes.set_xlim(0, 1)
    axes.locator_params(axis="y", integer=True)
    axes.legend(loc="best", frameon=False)
    return figure


def importance_plot(importance: pd.DataFrame, _champion: str) -> Figure:
    """Draw what the ranking loses when an input, or all inputs of a theme, are shuffled."""
    whole = importance[importance["feature"] == WHOLE_THEME].nsmallest(INPUTS_SHOWN, "importance_rank")
    alone = importance[importance["feature"] != WHOLE_THEME].nsmallest(INPUTS_SHOWN, "importance_rank")
    panels = [
        (label, names, rows)
        for label, names, rows in (
            ("All inputs of a theme shuffled", whole["theme"], whole),
            ("One input shuffled", alone["feature"], alone),
        )
        if len(rows)
    ]
    figure = canvas("What the ranking loses out of time without an input", panels=len(panels), height=5.6)
    for axes, (label, names, rows) in zip(figure.axes, panels, strict=True):
        places = np.arange(len(rows))
        error = [rows["importance"] - rows["lower"], rows["upper"] - rows["importance"]]
        axes.barh(places, rows["importance"], height=0.62, color=BLUE)
        axes.errorbar(rows["importance"], places, xerr=error, fmt="none", ecolor=INK, elinewidth=1, capsize=2)
        axes.set_yticks(places, [worded(name) for name in names])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.axvline(0, color=INK, lw=0.8)
        axes.grid(visible=False, axis="y")
        axes.set_title(label, fontsize=10, color=SOFT, loc="left")
        axes.set_xlabel("Loss of ROC AUC (95 % interval)")
        axes.locator_params(axis="x", nbins=5)
    return figure


def backtest_plot(backtest: pd.DataFrame, champion: str) -> Figure:
    """Draw ranking and calibration at every test snapshot, each judged by models of its own evening."""
    figure = canvas(
        "Judged again on every past snapshot, knowing only what was known then", panels=2, height=4.6
    )
    for axes, metric, label in zip(
        figure.axes, ("roc_auc", "ece"), ("ROC AUC", "Expected calibration error"), strict=True
    ):
        rows = backtest[backtest["metric"] == metric]
        for name, (colour, style, marker) in styled(rows["candidate"].unique(), champion):
            mine = rows[rows["candidate"] == name].sort_values("as_of_date")
            days = pd.to_datetime(mine["as_of_date"])
            axes.plot(days, mine["value"], color=colour, ls=style, marker=marker, ms=4, label=worded(name))
            if len(days) == 1:
                error = [mine["value"] - mine["lower"], mine["upper"] - mine["value"]]
                axes.errorbar(days, mine["value"], yerr=error, color=colour, capsize=3, elinewidth=1)
            elif name in (champion, RECENCY_RULE):
                axes.fill_between(days, mine["lower"], mine["upper"], color=colour, alpha=0.15, lw=0)
        axes.set_ylabel(f"{label} (band: 95 % interval)")
        axes.set_xlabel("Test snapshot")
        in_days(axes, list(pd.to_datetime(rows["as_of_date"]).unique()))
    figure.axes[1].set_ylim(0, None)
    handles = figure.axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(STYLES), frameon=False, fontsize=9)
    return figure


def learning_curve_plot(learning_curve: pd.DataFrame, _champion: str) -> Figure:
    """Draw what more snapshots, and more users, add to the ranking."""
    figure = canvas("What more history and more users add to the ranking", panels=2)
    rows = learning_curve[learning_curve["metric"] == "roc_auc"]
    most = rows["snapshots"].max()
    by_history = rows.sort_values("training_rows").drop_duplicates("snapshots", keep="last")
    by_rows = rows[rows["snapshots"] == most]
    for axes, part, column, label in (
        (
            figure.axes[0],
            by_history.sort_values("snapshots"),
            "snapshots",
            "Snapshots learnt from",
        ),
        (figure.axes[1], by_rows.sort_values("training_rows"), "training_rows", "Rows learnt from"),
    ):
        axes.errorbar(
            part[column],
            part["value"],
            yerr=[part["value"] - part["lower"], part["upper"] - part["value"]],
            color=BLUE,
            marker="o",
            ms=5,
            lw=1.5,
            elinewidth=1,
            capsize=3,
        )
        axes.set_xlabel(label)
        axes.set_ylabel("ROC AUC out of time (95 % interval)")
    figure.axes[0].set_xticks(sorted(by_history["snapshots"]))
    figure.axes[1].sharey(figure.axes[0])
    figure.axes[1].set_xlim(left=0)
    figure.axes[1].locator_params(axis="x", nbins=6)
    figure.axes[1].xaxis.set_major_formatter(lambda rows, _place: f"{rows:,.0f}")
    return figure


def _points(curves: pd.DataFrame, curve: str, candidate: str) -> pd.DataFrame:
    rows = curves[(curves["curve"] == curve) & (curves["candidate"] == candidate)]
    return rows.sort_values("point")


def _each(curves: pd.DataFrame, curve: str, champion: str) -> Iterator[tuple[str, Style, pd.DataFrame]]:
    for name, style in styled(curves["candidate"].unique(), champion):
        yield name, style, _points(curves, curve, name)


def _churn_rate(curves: pd.DataFrame, champion: str) -> float:
    """Return the share that churned, from the groups of the reliability curve."""
    points = _points(curves, "reliability_after", champion)
    return float((points["y"] * points["users"]).sum() / points["users"].sum())


PLOTS: dict[str, tuple[str, Callable[[pd.DataFrame, str], Figure]]] = {
    "gain": ("model_curves", gain_plot),
    "lift": ("model_curves", lift_plot),
    "reliability": ("model_curves", reliability_plot),
    "score_distribution": ("model_curves", score_distribution_plot),
    "importance": ("model_importance", importance_plot),
    "backtest": ("model_backtest", backtest_plot),
    "learning_curve": ("model_learning_curve", learning_curve_plot),
}
