"""Everything that scores single users with one snapshot: program, context, model, and the day's scores."""

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ml.model import ChurnModel
from ml.on_demand import DayScores, FeatureReader, Floats, check_fit, score_features, why_not_eligible
from ml.registry import load_model
from serving.problems import Problem
from serving.scoring.rows import ScoreRequest, arrow_table
from serving.snapshots import Snapshot
from warehouse.definitions import Definition
from warehouse.errors import Busy, ContractBreach
from warehouse.feature_program import (
    PROGRAM_NAME,
    FeatureProgram,
    FeatureScratch,
    has_scoring_files,
    load_context,
)
from warehouse.reading import open_scratch

log = logging.getLogger(__name__)

REASONS = 3


@dataclass(frozen=True)
class Score:
    """What was found of a user.

    Attributes
    ----------
    why_not : str
        Why the definition of churn does not ask about the user; empty for who is scored.
    values : dict
        Probability, percentile, decile, and the reasons; empty for who is not scored.
    features : dict or None
        The user's features; None where nothing counts.
    """

    why_not: str
    values: dict[str, Any]
    features: dict[str, Any] | None


class Scorer:
    """Scores single users with one snapshot, one after the other.

    Parameters
    ----------
    snapshot : Snapshot
        Whose program, context and scores are taken.
    models : Path
        The folder of registered models; the snapshot's is loaded, its signature verified.
    loaded : ChurnModel, optional
        A model that was loaded before, for the case that it is the snapshot's: a refresh during the day has
        another run and the same model.

    Raises
    ------
    Problem
        503 if the snapshot lacks what scores single users, or makes other features than the model reads.
    DamagedFile
        If program, context or model do not verify.
    """

    def __init__(self, snapshot: Snapshot, models: Path, loaded: ChurnModel | None = None) -> None:
        if not has_scoring_files(snapshot.folder) or snapshot.model_version is None:
            raise _not_published(
                f"Run {snapshot.run_id} was published without a model or without the features' program.",
                "run the day again from build_user_features; docs/runbook.md#scores-on-demand says why",
            )
        self.run_id = snapshot.run_id
        self.published_day = snapshot.as_of_date
        self.program = FeatureProgram.load(snapshot.folder / PROGRAM_NAME)
        if loaded is None or loaded.model_version != snapshot.model_version:
            loaded = load_model(snapshot.model_version, models)
        self.model = loaded
        try:
            check_fit(self.program.features, self.model)
        except ContractBreach as error:
            raise _not_published(f"{error.what}: {error.value}", error.remedy) from error
        self._reader = FeatureReader(self.program.features)
        texts = self.program.seed_rows("reason_texts")
        self._themes = {str(row["reason_code"]): str(row["theme"]) for row in texts}
        self._definition = _definition(self.program)
        self._day = DayScores.of(_probabilities(snapshot))
        self._turn = threading.Lock()
        with ExitStack() as stack:
            connection = stack.enter_context(open_scratch())
            self._scratch = FeatureScratch(
                connection, self.program, load_context(snapshot.folder, self.program)
            )
            self.close = stack.pop_all().close

    def score(self, request: ScoreRequest, *, wait_seconds: float) -> Score:
        """Score the user of a request.

        Raises
        ------
        Busy
            If others are scored for so long that the turn does not come.
        """
        tables = {
            name: arrow_table(self.program.contract[name], rows)
            for name, rows in request.rows.items()
            if rows
        }
        with self._my_turn(wait_seconds):
            self._scratch.features(tables, request.as_of_date)
            try:
                return self._scored(request.user_id)
            finally:
                self._scratch.forget()

    def _scored(self, user_id: str) -> Score:
        features = self._scratch.row_of(user_id)
        if features is None or not features["is_eligible"]:
            return Score(why_not_eligible(features, self._definition), {}, features)
        frame = self._reader.read(self._scratch.connection)
        scores = score_features(frame, self.model, self._themes, self._day, self.run_id)
        worded = self._scratch.reasons_worded(pa.Table.from_pandas(scores, preserve_index=False))
        (row,) = scores.to_dict("records")
        values = {name: row[name] for name in ("churn_probability", "churn_percentile", "churn_decile")}
        return Score("", {**values, "reasons": _reasons(worded)}, features)

    @contextmanager
    def _my_turn(self, wait_seconds: float) -> Iterator[None]:
        if not self._turn.acquire(timeout=wait_seconds):
            raise Busy("Other users are being scored", None, "try again")
        try:
            yield
        finally:
            self._turn.release()


class Scorers:
    """The scorer of the snapshot that is served; made anew when that changes.

    Parameters
    ----------
    models : Path
        The folder of registered models.
    """

    def __init__(self, models: Path) -> None:
        self._models = models
        self._lock = threading.Lock()
        self._scorer: Scorer | None = None

    def of(self, snapshot: Snapshot) -> Scorer:
        """Return the scorer of a snapshot that is being read."""
        with self._lock:
            if self._scorer is None or self._scorer.run_id != snapshot.run_id:
                # the one before is left to whoever is being scored with it, and goes with them
                loaded = self._scorer.model if self._scorer is not None else None
                self._scorer = Scorer(snapshot, self._models, loaded)
                log.info("scoring single users with run %s", snapshot.run_id)
            return self._scorer

    def close(self) -> None:
        """Let go of the scorer."""
        with self._lock:
            if self._scorer is not None:
                self._scorer.close()
            self._scorer = None


def _not_published(detail: str, todo: str) -> Problem:
    return Problem(
        503, "scoring_not_published", "The served snapshot cannot score single users.", detail, todo
    )


def _probabilities(snapshot: Snapshot) -> Floats:
    """Return what the users of the published day were scored; a million of them are eight megabytes."""
    with snapshot.cursor() as cursor, snapshot.limited(cursor):
        found = cursor.execute(
            "select churn_probability from churn_scores_history where as_of_date = ?", [snapshot.as_of_date]
        )
        return np.asarray(found.fetchnumpy()["churn_probability"], dtype=np.float64)


def _definition(program: FeatureProgram) -> Definition:
    rows = {row["definition_id"]: row for row in program.seed_rows("churn_definitions")}
    row = rows[program.definition_id]
    most = row["most_paid_days"]
    return Definition(
        definition_id=program.definition_id,
        label_kind=str(row["label_kind"]),
        horizon_days=int(str(row["horizon_days"])),
        active_within_days=int(str(row["active_within_days"])),
        fewest_paid_days=int(str(row["fewest_paid_days"])),
        most_paid_days=None if most is None else int(most),
        is_in_force=True,
        meaning=str(row["meaning"]),
    )


def _reasons(worded: dict[str, Any]) -> list[dict[str, Any]]:
    parts = ("code", "value", "contribution", "sentence_en", "sentence_zh")
    reasons = [{part: worded[f"reason_{place}_{part}"] for part in parts} for place in range(1, REASONS + 1)]
    return [reason for reason in reasons if reason["code"] is not None]
