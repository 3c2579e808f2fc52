"""Searches the settings of candidates, on what was known on the evening of the test snapshot.

Settings are judged by their log loss on validation snapshots: each is scored by a model that learnt only from
labels complete on its evening. Where history is too short for that, users are held out instead of time. After
every candidate was tried with its defaults, the best few share the remaining trials. Settings replace the
defaults only if they are better by more than the noise of the comparison.

Every trial is written to a journal before the next begins, so that a search that was cut off goes on where it
was, with the same result.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.budget import OverBudget, stopped_after
from ml.calibration import fit_calibrator, log_losses
from ml.candidates import Candidate, Parameter
from ml.features import Feature, prepare
from ml.model import few_threads
from ml.trial_journal import open_study
from ml.validation import Fold, sample_users, validation_folds

Floats = NDArray[np.float64]
Progress = Callable[[str], None]
# Candidates that share the trials left after everybody's first.
FINALISTS = 3
BAR_WIDTH = 20


@dataclass(frozen=True)
class SearchRules:
    """How much may be searched.

    Attributes
    ----------
    trials : int
        Trials of all candidates together; 0 leaves every candidate at its defaults.
    fit_seconds : float
        A fit that takes longer is stopped, and its candidate or trial is out.
    seconds : float
        No trial begins later than this after the first.
    rows_at_most : int
        Above this the trials learn from a sample of users.
    """

    trials: int = 30
    fit_seconds: float = 300.0
    seconds: float = 900.0
    rows_at_most: int = 50_000


@dataclass(frozen=True)
class Trial:
    """One candidate, tried with one set of settings.

    Attributes
    ----------
    candidate : str
        Its name.
    parameters : mapping
        What differs from its defaults; empty for the defaults themselves.
    state : str
        complete, over budget or failed.
    loss : float
        Mean log loss on the validation rows, after calibration; NaN unless complete.
    error : float
        Standard error of the difference to the candidate's defaults; NaN for the defaults.
    seconds : float
        Wall-clock time.
    reason : str
        Why it is not complete.
    """

    candidate: str
    parameters: Mapping[str, Any]
    state: str
    loss: float
    error: float
    seconds: float
    reason: str = ""


@dataclass(frozen=True)
class SearchOutcome:
    """What a search found.

    Attributes
    ----------
    trials : tuple of Trial
        In the order in which they were done.
    parameters : dict of str to mapping
        Per candidate the settings to use, where they are better than its defaults.
    validated_on : str
        How trials were judged, in words.
    note : str
        Why trials are missing; empty when all were done.
    """

    trials: tuple[Trial, ...]
    parameters: dict[str, Mapping[str, Any]]
    validated_on: str
    note: str = ""


def search(
    frame: pd.DataFrame,
    features: Sequence[Feature],
    candidates: Sequence[Candidate],
    *,
    horizon_days: int,
    rules: SearchRules,
    seed: int,
    journal: Path | None = None,
    progress: Progress = lambda _line: None,
) -> SearchOutcome:
    """Try settings of the candidates that have any to vary.

    Parameters
    ----------
    frame : pandas.DataFrame
        Labelled snapshots, complete on the evening of the test: as_of_date, user_id, features, churned.
    features : sequence of Feature
        Columns that may be read.
    candidates : sequence of Candidate
        Those without a space are not tried.
    horizon_days : int
        The label's window.
    rules : SearchRules
        How much may be searched.
    seed : int
        Of estimators and of what is suggested.
    journal : Path, optional
        File in which trials are kept; None keeps them in memory.
    progress : callable
        Takes one line per trial.

    Returns
    -------
    SearchOutcome
    """
    tuned = [candidate for candidate in candidates if candidate.space]
    if rules.trials < 1 or not tuned:
        return SearchOutcome((), {}, "nothing", "No settings were searched.")
    folds, validated_on = validation_folds(sample_users(frame, rules.rows_at_most), features, horizon_days)
    desk = _Desk(folds, horizon_days, rules, seed, progress)
    for candidate in tuned[: rules.trials]:
        desk.try_out(candidate, {})
    losses = {trial.candidate: trial.loss for trial in desk.trials if trial.state == "complete"}
    best = sorted(losses, key=lambda name: losses[name])[:FINALISTS]
    finalists = [candidate for candidate in tuned if candidate.name in best]
    note = _search_finalists(desk, finalists, journal) if finalists else "No candidate could be tried."
    parameters: dict[str, Mapping[str, Any]] = {}
    for name in best:
        done = [one for one in desk.trials if one.candidate == name and one.state == "complete"]
        winner = min(done, key=lambda trial: trial.loss)
        if winner.parameters and winner.loss + winner.error < losses[name]:
            parameters[name] = winner.parameters
    return SearchOutcome(tuple(desk.trials), parameters, validated_on, note)


class _Desk:
    """Tries settings out and keeps the record."""

    def __init__(
        self, folds: Sequence[Fold], horizon_days: int, rules: SearchRules, seed: int, progress: Progress
    ) -> None:
        self.folds, self.horizon_days, self.rules, self.seed = folds, horizon_days, rules, seed
        self.progress = progress
        self.trials: list[Trial] = []
        self.default_losses: dict[str, Floats] = {}
        self.began = time.monotonic()

    @property
    def time_is_up(self) -> bool:
        return time.monotonic() - self.began > self.rules.seconds

    def try_out(self, candidate: Candidate, parameters: Mapping[str, Any]) -> Trial:
        began = time.monotonic()
        state, reason, loss, error = "complete", "", float("nan"), float("nan")
        try:
            with (
                stopped_after(self.rules.fit_seconds * len(self.folds)),
                few_threads(len(self.folds[0].learn)),
            ):
                losses = self._losses(candidate, parameters)
        except OverBudget as stopped:
            state, reason = "over budget", str(stopped)
        except (ValueError, ArithmeticError) as failed:
            state, reason = "failed", f"{type(failed).__name__}: {failed}"
        else:
            if not parameters:
                self.default_losses[candidate.name] = losses
            difference = losses - self.default_losses[candidate.name]
            loss = float(losses.mean())
            error = float(difference.std() / np.sqrt(len(difference))) if parameters else float("nan")
        trial = Trial(candidate.name, parameters, state, loss, error, time.monotonic() - began, reason)
        self.record(trial)
        return trial

    def record(self, trial: Trial) -> None:
        self.trials.append(trial)
        done, of = len(self.trials), self.rules.trials
        bar = "#" * round(BAR_WIDTH * done / of)
        told = f"log loss {trial.loss:.4f}" if trial.state == "complete" else trial.reason
        what = "tuned" if trial.parameters else "defaults"
        self.progress(f"search [{bar:.<{BAR_WIDTH}}] {done}/{of} {trial.candidate} ({what}): {told}")

    def _losses(self, candidate: Candidate, parameters: Mapping[str, Any]) -> Floats:
        """Return the log loss of every validation row, after one calibration for all of them."""
        log_odds, churned = [], []
        for fold in self.folds:
            contract = fold.contract
            if candidate.reads:
                contract = contract.reading(contract.features, candidate.reads)
            rows = len(fold.learn)
            estimator = candidate.build(contract, rows, self.horizon_days, self.seed, parameters)
            estimator.fit(prepare(fold.learn, contract), fold.learn_churned)
            log_odds.append(estimator.decision_function(prepare(fold.judge, contract)))
            churned.append(fold.judge_churned)
        scores, labels = np.concatenate(log_odds), np.concatenate(churned)
        if not np.isfinite(scores).all():
            raise ValueError("the scores are not all numbers")
        return log_losses(labels, fit_calibrator(scores, labels).predict(scores))


def _search_finalists(desk: _Desk, finalists: Sequence[Candidate], journal: Path | None) -> str:
    """Give the finalists the remaining trials in turn; returns why some were not done."""
    import optuna  # noqa: PLC0415 -- a second of importing, only where something is searched

    studies = {one.name: open_study(_study_name(desk, one), journal) for one in finalists}
    left = desk.rules.trials - len(desk.trials)
    turns = [finalists[number % len(finalists)] for number in range(left)]
    for number, candidate in enumerate(turns):
        study = studies[candidate.name]
        place = number // len(finalists)
        done = study.trials
        if place < len(done):
            kept = json.loads(done[place].user_attrs["told"])
            desk.record(Trial(candidate.name, done[place].params, **kept))
            continue
        if desk.time_is_up:
            return f"{left - number} trials were not done: the search may take {desk.rules.seconds:g} s."
        # seeded per trial, and asked without the journal, which holds nothing half done: a search that goes
        # on suggests what it would have suggested
        sampler = optuna.samplers.TPESampler(seed=desk.seed * 10_000 + place, n_startup_trials=4)
        asking = optuna.create_study(sampler=sampler)
        asking.add_trials(done)
        asked = asking.ask()
        trial = desk.try_out(candidate, {one.name: _suggested(asked, one) for one in candidate.space})
        told = {name: value for name, value in vars(trial).items() if name not in ("candidate", "parameters")}
        is_complete = trial.state == "complete"
        states = optuna.trial.TrialState
        study.add_trial(
            optuna.create_trial(
                state=states.COMPLETE if is_complete else states.FAIL,
                value=trial.loss if is_complete else None,
                params=asked.params,
                distributions=asked.distributions,
                user_attrs={"told": json.dumps(told)},
            )
        )
    return ""


def _study_name(desk: _Desk, candidate: Candidate) -> str:
    """Return a name that no search on other rows, or under other rules, has."""
    digest = hashlib.sha256(repr((candidate.name, candidate.space, desk.seed, desk.horizon_days)).encode())
    for fold in desk.folds:
        for part in (fold.learn, fold.judge):
            digest.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
    return f"{candidate.name}-{digest.hexdigest()[:16]}"


def _suggested(trial: Any, parameter: Parameter) -> Any:
    if parameter.choices:
        return trial.suggest_categorical(parameter.name, list(parameter.choices))
    if parameter.is_whole:
        return trial.suggest_int(
            parameter.name, int(parameter.low), int(parameter.high), log=parameter.is_log
        )
    return trial.suggest_float(parameter.name, parameter.low, parameter.high, log=parameter.is_log)
