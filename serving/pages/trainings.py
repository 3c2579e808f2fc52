"""Trainings as they were published: the candidates of each, which was chosen, and what was decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from serving.pages.published import Row, rows_of
from serving.snapshots import Snapshot

#: What candidates are ranked by, and what is shown over time, by slices and for more or less history.
MEASURE = "roc_auc"
RECENCY_RULE = "recency_rule"


@dataclass(frozen=True)
class Estimate:
    """A figure with the ends of its 95 % interval, where it has one."""

    value: float | None
    lower: float | None = None
    upper: float | None = None

    @property
    def sign(self) -> int:
        """1 or -1 where the whole interval is above or below 0, else 0: chance may have done it."""
        if self.lower is None or self.upper is None:
            return 0
        return 1 if self.lower > 0 else -1 if self.upper < 0 else 0


@dataclass(frozen=True)
class Training:
    """One training of a definition: the model that came of it, and what became of that.

    Attributes
    ----------
    figures : mapping of (str, str) to Estimate
        By candidate and metric, judged out of time.
    candidates : tuple of str
        All that competed, the best first.
    chosen : str or None
        Which of them the model is.
    verdict, reason : str or None
        The newest decision about it; None where there is none.
    """

    model_version: str
    trained_as_of: date
    test_as_of_date: date | None
    horizon_days: int
    note: str
    figures: Mapping[tuple[str, str], Estimate]
    candidates: tuple[str, ...]
    chosen: str | None
    verdict: str | None
    reason: str | None

    def figure(self, metric: str, candidate: str | None = None) -> Estimate:
        """Return a figure of a candidate, of the chosen one if none is named."""
        return self.figures.get((candidate or self.chosen or "", metric), Estimate(None))

    @property
    def is_the_rule(self) -> bool:
        """Whether nothing was better than the rule of days since the last order."""
        return self.chosen == RECENCY_RULE


def trainings_of(snapshot: Snapshot) -> list[tuple[str, Training]]:
    """Return every training with its definition, the newest first."""
    columns = "model_version trained_as_of test_as_of_date definition_id horizon_days candidate metric value lower upper note"  # noqa: E501
    rows = rows_of(snapshot, "model_report", columns, "order by trained_as_of desc, model_version, candidate")
    decided: dict[str, Row] = {}
    for row in rows_of(
        snapshot, "model_decisions", "decision_number challenger verdict reason", "order by decision_number"
    ):
        decided[row["challenger"]] = row
    trainings = []
    for definition, version in dict.fromkeys((row["definition_id"], row["model_version"]) for row in rows):
        own = [row for row in rows if (row["definition_id"], row["model_version"]) == (definition, version)]
        trainings.append((definition or "", _training(own, decided.get(version, {}))))
    return trainings


def _training(rows: Sequence[Row], decision: Row) -> Training:
    figures = {(row["candidate"], row["metric"]): estimate_of(row) for row in rows}
    names = {row["candidate"] for row in rows}

    def rank(candidate: str) -> tuple[float, str]:
        return (-(figures.get((candidate, MEASURE), Estimate(None)).value or 0.0), candidate)

    chosen = [row["candidate"] for row in rows if row["metric"] == "is_chosen" and row["value"] == 1]
    return Training(
        model_version=rows[0]["model_version"],
        trained_as_of=rows[0]["trained_as_of"],
        test_as_of_date=rows[0]["test_as_of_date"],
        horizon_days=rows[0]["horizon_days"],
        note=rows[0]["note"],
        figures=figures,
        candidates=tuple(sorted(names, key=rank)),
        chosen=chosen[0] if chosen else None,
        verdict=decision.get("verdict"),
        reason=decision.get("reason"),
    )


def champion_of(
    snapshot: Snapshot, trainings: Sequence[Training], wanted: str | None, in_force: Mapping[str, Any]
) -> Training | None:
    """Return the training whose model scored the day; the newest of the definition where none did."""
    scored_by = in_force.get("model_version") if wanted == in_force.get("definition_id") else None
    if scored_by is None:
        newest = rows_of(
            snapshot,
            "churn_scores_by_definition",
            "as_of_date definition_id model_version",
            "where definition_id = $definition order by as_of_date desc limit 1",
            {"definition": wanted},
        )
        scored_by = first(newest).get("model_version")
    return next(
        (training for training in trainings if training.model_version == scored_by),
        trainings[0] if trainings else None,
    )


def estimate_of(row: Row) -> Estimate:
    """Return the figure of a row with its interval."""
    return Estimate(row["value"], row["lower"], row["upper"])


def first(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the first row, or an empty one."""
    return rows[0] if rows else {}
