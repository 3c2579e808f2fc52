"""What the page of the model is made of: trainings, decisions, curves, slices and what the watch found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from serving.pages.published import Row, is_published, rows_of
from serving.pages.small_cells import FEWEST_USERS, Group, folded
from serving.pages.trainings import (
    MEASURE,
    Estimate,
    Training,
    champion_of,
    estimate_of,
    first,
    trainings_of,
)
from serving.snapshots import Snapshot

#: What each candidate is judged by, and whether more of it is better.
METRICS: Mapping[str, bool] = {
    "roc_auc": True,
    "pr_auc": True,
    "brier_skill": True,
    "log_loss": False,
    "ece": False,
    "lift_at_10": True,
}
WHOLE_THEME = "(whole theme)"
MOST_INPUTS = 15
MOST_CHECKS = 12


@dataclass(frozen=True)
class Definition:
    """One meaning of churn: who is scored by it today, and how well its model does."""

    definition_id: str
    horizon_days: int
    model_version: str | None
    users: int
    mean_probability: float | None
    auc: Estimate
    auc_over_recency: Estimate
    is_in_force: bool


@dataclass(frozen=True)
class Slice:
    """Part of the users: how many, and how well the model ranks them; nothing of it where they are few."""

    name: str
    value: str
    users: int | None
    is_small: bool
    measure: Estimate
    over_recency: Estimate


@dataclass(frozen=True)
class Model:
    """Everything that the page says of one definition.

    Attributes
    ----------
    definition_id : str or None
        The definition that is shown; None where nothing was ever trained.
    champion : Training or None
        The training whose model scored the day, or the newest.
    """

    definition_id: str | None
    definitions: Sequence[Definition]
    champion: Training | None
    trainings: Sequence[Training]
    decisions: Sequence[Row]
    curves: Mapping[str, Mapping[str, Sequence[Row]]]
    backtest: Sequence[Row]
    slices: Sequence[Row]
    importance: Sequence[Row]
    themes: Sequence[Row]
    learning_curve: Sequence[Row]
    watched_on: date | None
    checks: Sequence[Row]
    alarms_by_day: Sequence[Row]

    @property
    def alarms(self) -> Sequence[Row]:
        """What the watch wants somebody to look at."""
        return [check for check in self.checks if check["is_alarm"]]

    @property
    def check_kinds(self) -> Mapping[str, tuple[int, int]]:
        """Checks and alarms of the newest watched day by kind."""
        kinds: dict[str, tuple[int, int]] = {}
        for check in self.checks:
            done, red = kinds.get(check["check_kind"], (0, 0))
            kinds[check["check_kind"]] = (done + 1, red + bool(check["is_alarm"]))
        return kinds

    @property
    def drifted_most(self) -> Sequence[Row]:
        """Inputs and scores that moved most since the model learnt."""
        moved = [
            check
            for check in self.checks
            if check["check_kind"] in ("feature_drift", "score_drift") and check["statistic"] is not None
        ]
        return sorted(moved, key=lambda check: (-check["statistic"], check["subject"]))[:MOST_CHECKS]


def model_of(snapshot: Snapshot, definition_id: str | None = None) -> Model:
    """Return what is known of the models of a definition; of the one in force if none is named."""
    in_force = first(rows_of(snapshot, "run_info", "definition_id model_version"))
    trainings = trainings_of(snapshot)
    known = {definition for definition, _ in trainings}
    wanted = definition_id or in_force.get("definition_id")
    if wanted not in known:
        wanted = min(known, default=None)
    own = [training for definition, training in trainings if definition == wanted]
    champion = champion_of(snapshot, own, wanted, in_force)
    key = (champion.model_version if champion else None, wanted)
    return Model(
        definition_id=wanted,
        definitions=_definitions(snapshot, trainings, in_force.get("definition_id")),
        champion=champion,
        trainings=own,
        decisions=rows_of(
            snapshot,
            "model_decisions",
            "decision_number decided_for challenger champion verdict reason decided_by",
            "where definition_id = $definition order by decision_number desc",
            {"definition": wanted},
        ),
        curves=_curves(snapshot, key),
        backtest=_of_training(
            snapshot, "model_backtest", "candidate as_of_date users churn_rate metric value lower upper",
            key, f"and metric = '{MEASURE}' order by candidate, as_of_date",
        ),
        slices=_of_training(
            snapshot, "model_slices",
            "candidate slice_name slice_value users churned is_small metric value lower upper",
            key, "order by slice_name, slice_value, candidate, metric",
        ),
        importance=_of_training(
            snapshot, "model_importance", "candidate feature theme importance lower upper importance_rank",
            key, f"and feature <> '{WHOLE_THEME}' order by importance_rank limit {MOST_INPUTS}",
        ),
        themes=_of_training(
            snapshot, "model_importance", "candidate feature theme importance lower upper importance_rank",
            key, f"and feature = '{WHOLE_THEME}' order by importance_rank limit {MOST_INPUTS}",
        ),
        learning_curve=_of_training(
            snapshot, "model_learning_curve",
            "candidate snapshots history_days training_rows metric value lower upper",
            key, f"and metric = '{MEASURE}' order by training_rows, snapshots",
        ),
        **_health(snapshot, wanted),
    )  # fmt: skip


def shown_slices(model: Model, *, is_masked: bool) -> Sequence[Slice]:
    """Return the slices as somebody may see them.

    Parameters
    ----------
    model : Model
        The page's figures.
    is_masked : bool
        Whether the reader may not look into single users: then counts come in steps of ten, and slices of
        few users, or of users who all did the same, are only named.
    """
    chosen = model.champion.chosen if model.champion else None
    own = [row for row in model.slices if row["candidate"] == chosen]
    names = dict.fromkeys((row["slice_name"], row["slice_value"]) for row in own)
    found = {(row["slice_name"], row["slice_value"], row["metric"]): row for row in own}
    told = _told_apart(own) if is_masked else None
    shown = []
    for name, value in names:
        any_row = next(row for row in own if (row["slice_name"], row["slice_value"]) == (name, value))
        users = any_row["users"] if told is None else told.get((name, value))
        is_small = bool(any_row["is_small"]) or users is None
        figures = [found.get((name, value, metric)) for metric in (MEASURE, f"{MEASURE}_over_recency")]
        estimates = [Estimate(None) if row is None or is_small else estimate_of(row) for row in figures]
        shown.append(Slice(name, value, users, is_small, *estimates))
    return shown


def _told_apart(rows: Sequence[Row]) -> Mapping[tuple[str, str], int]:
    """Return the counts that may be told, by slice."""
    told: dict[tuple[str, str], int] = {}
    for name in dict.fromkeys(row["slice_name"] for row in rows):
        groups = {
            row["slice_value"]: Group(
                row["slice_value"], {"churned": row["churned"], "stayed": row["users"] - row["churned"]}
            )
            for row in rows
            if row["slice_name"] == name
        }
        for group in folded(list(groups.values()), is_sensitive=True).groups:
            told[name, group.label] = group.users
    return told


def _definitions(
    snapshot: Snapshot, trainings: Sequence[tuple[str, Training]], in_force: str | None
) -> list[Definition]:
    if not is_published(
        snapshot, "churn_scores_by_definition", "definition_id churn_probability horizon_days"
    ):
        return []
    rows = snapshot.rows(
        "select definition_id, any_value(horizon_days) as horizon_days, "
        "any_value(model_version) as model_version, count(*) as users, "
        "avg(churn_probability) as mean_probability from churn_scores_by_definition "
        "where as_of_date = $day group by definition_id order by definition_id",
        {"day": snapshot.as_of_date},
    )
    by_version = {training.model_version: training for _, training in trainings}
    none = Estimate(None)
    definitions = []
    for row in rows:
        training = by_version.get(row["model_version"])
        is_enough = row["users"] >= FEWEST_USERS
        definitions.append(
            Definition(
                definition_id=row["definition_id"],
                horizon_days=row["horizon_days"],
                model_version=row["model_version"],
                users=row["users"],
                mean_probability=row["mean_probability"] if is_enough else None,
                auc=training.figure(MEASURE) if training else none,
                auc_over_recency=training.figure(f"{MEASURE}_over_recency") if training else none,
                is_in_force=row["definition_id"] == in_force,
            )
        )
    return sorted(definitions, key=lambda one: (not one.is_in_force, one.definition_id))


def _curves(
    snapshot: Snapshot, key: tuple[str | None, str | None]
) -> Mapping[str, Mapping[str, Sequence[Row]]]:
    rows = _of_training(
        snapshot, "model_curves", "candidate curve point x y users", key,
        "order by curve, candidate, point",
    )  # fmt: skip
    curves: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        curves.setdefault(row["curve"], {}).setdefault(row["candidate"], []).append(row)
    return curves


def _health(snapshot: Snapshot, definition: str | None) -> dict[str, Any]:
    where = "where definition_id = $definition"
    rows = rows_of(
        snapshot,
        "model_health",
        "as_of_date check_kind subject statistic p_value threshold is_alarm message",
        f"{where} and as_of_date = (select max(as_of_date) from model_health {where}) "
        "order by is_alarm desc, check_kind, subject",
        {"definition": definition},
    )
    by_day = (
        snapshot.rows(
            "select as_of_date, count(*) as checks, count(*) filter (is_alarm) as alarms from model_health "
            f"{where} group by as_of_date order by as_of_date",
            {"definition": definition},
        )
        if rows
        else []
    )
    return {"checks": rows, "alarms_by_day": by_day, "watched_on": rows[0]["as_of_date"] if rows else None}


def _of_training(
    snapshot: Snapshot, table: str, columns: str, key: tuple[str | None, str | None], tail: str
) -> list[dict[str, Any]]:
    version, definition = key
    return rows_of(
        snapshot,
        table,
        columns,
        f"where model_version = $version and definition_id = $definition {tail}",
        {"version": version, "definition": definition},
    )
