"""Trains on one day, definition by definition: read, learn, register, decide, report."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np

from ml.backtest import Entrant
from ml.candidates import CANDIDATES, RECENCY_RULE, Candidate, candidate_named
from ml.dataset import Snapshots, load_themes, table_schema
from ml.plausibility import load_tables_of_features
from ml.promotion import Evidence, Verdict, contract_faults, judge_challenger
from ml.registry import load_metadata, load_model, save_model
from ml.reports import report_frames, write_model_report, write_reports
from ml.search import SearchRules
from ml.slices import load_value_cutoffs, slice_values
from ml.tracking import keep_training
from ml.training import TrainingOutcome, TrainingRules, recency_rule_instead, train
from ml.watch import standing_alarms
from warehouse.definitions import Definition
from warehouse.errors import DamagedFile, SettingsError
from warehouse.ledger import Ledger, Model
from warehouse.settings import Settings

Progress = Callable[[str], None]
HEADLINES = ("roc_auc", "pr_auc", "brier_skill", "log_loss", "ece", "lift_at_10", "recall_at_20")
# Definitions beside the one in force drive no tier: a quick model that explains itself is enough.
OTHER_ROWS_AT_MOST = 30_000
BESIDE = (RECENCY_RULE, "rfm_logistic", "logistic_regression")


class Trainer:
    """Trains every definition's model of one day.

    Parameters
    ----------
    settings : Settings
        Where models are kept, who competes and how much may be searched.
    ledger : Ledger
        Knows champions, and is told what is decided.
    connection : duckdb.DuckDBPyConnection
        The open build file.
    trained_as_of : date
        The evening that the models stand on.
    first_data_day : date
        The first day with data.
    progress : callable
        Takes one line per step.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        connection: duckdb.DuckDBPyConnection,
        *,
        trained_as_of: date,
        first_data_day: date,
        progress: Progress,
    ) -> None:
        self.settings, self.ledger, self.connection = settings, ledger, connection
        self.trained_as_of, self.first_data_day, self.progress = trained_as_of, first_data_day, progress
        seeds = settings.dbt_project / "seeds"
        self.themes = load_themes(seeds / "reason_texts.csv")
        self.tables = load_tables_of_features(seeds / "reason_texts.csv")
        self.value_cutoffs = load_value_cutoffs(seeds / "value_tier_cutoffs.csv")
        self.daily_capacity = daily_capacity(seeds / "tier_policy.csv")

    def rules(self) -> TrainingRules:
        """Return how the model of the definition in force is looked for."""
        return TrainingRules(
            competing(self.settings.candidates), search_rules(self.settings), capacity=self.daily_capacity
        )

    def rules_beside(self) -> TrainingRules:
        """Return how the other definitions are learnt: a regression against the plain rules, unsearched."""
        return replace(
            self.rules(),
            candidates=tuple(candidate_named(name) for name in BESIDE),
            search=SearchRules(trials=0, fit_seconds=self.settings.fit_seconds),
            rows_at_most=OTHER_ROWS_AT_MOST,
            # the same features: a leak shows in the definition in force
            shuffles_labels=False,
        )

    def train(self, definition: Definition, rules: TrainingRules) -> str:
        """Train, register, decide and report for one definition; return the version."""
        is_in_force = definition.definition_id == self.settings.definition_id
        self.progress(f"{definition.definition_id}: {definition.meaning}")
        champion = self._champion(definition)
        outcome, snapshots = train(
            self.connection,
            trained_as_of=self.trained_as_of,
            definition=definition,
            first_data_day=self.first_data_day,
            rules=rules,
            incumbent=self._recipe(champion),
            tables=self.tables,
            journal=self.settings.models / "search.journal" if rules.search.trials else None,
            progress=self.progress if is_in_force else lambda _line: None,
        )
        version = self._register(definition, outcome, champion)
        if is_in_force:
            self._report(definition, rules, outcome, snapshots, version)
        if self._champion(definition) is None and snapshots is not None:
            self._register(definition, recency_rule_instead(outcome, snapshots), None)
        return version

    def _register(self, definition: Definition, outcome: TrainingOutcome, champion: Model | None) -> str:
        version = save_model(outcome, self.settings.models)
        load_model(version, self.settings.models)
        write_model_report(self.connection, outcome, version)
        verdict = self._decide(definition, outcome, version, champion)
        self.progress(f"{version} ({outcome.model.candidate}): {verdict}")
        return version

    def _report(
        self,
        definition: Definition,
        rules: TrainingRules,
        outcome: TrainingOutcome,
        snapshots: Snapshots | None,
        version: str,
    ) -> None:
        frames = report_frames(
            self.connection,
            outcome,
            snapshots,
            definition=definition,
            first_data_day=self.first_data_day,
            rules=rules,
            themes=self.themes,
            value_cutoffs=self.value_cutoffs,
            progress=self.progress,
        )
        write_reports(self.connection, frames, outcome, version)
        self._keep(outcome, version)

    def _keep(self, outcome: TrainingOutcome, version: str) -> None:
        metadata = load_metadata(version, self.settings.models)
        facts = {
            "candidate": outcome.model.candidate,
            "parameters": outcome.model.parameters,
            "data_window": f"{outcome.plan.snapshots[0]} to {self.trained_as_of}" if outcome.counts else "-",
            "code_version": metadata["code_version"],
            "seed": metadata["seed"],
            "rows": outcome.counts,
            "validated_on": outcome.contest.search.validated_on,
        }
        keep_training(
            self.settings.models,
            experiment=f"{self.settings.source}/{outcome.definition_id}",
            name=version,
            facts=facts,
            trials=outcome.contest.search.trials,
            metrics=outcome.metrics,
        )

    def _champion(self, definition: Definition) -> Model | None:
        return self.ledger.champion_for(self.settings.source, definition.definition_id, self.trained_as_of)

    def _recipe(self, champion: Model | None) -> Entrant | None:
        if champion is None:
            return None
        try:
            metadata = load_metadata(champion.model_version, self.settings.models)
        except DamagedFile as damaged:
            self.progress(f"{damaged}; the challenger is compared with the recency rule instead")
            return None
        return Entrant(candidate_named(metadata["candidate"]), metadata["parameters"])

    def _decide(
        self, definition: Definition, outcome: TrainingOutcome, version: str, champion: Model | None
    ) -> str:
        """Record the model and what is decided about it, once; the champion is the one it competed with."""
        self.ledger.record_model(
            Model(
                model_version=version,
                source=self.settings.source,
                definition_id=definition.definition_id,
                trained_as_of=self.trained_as_of,
                horizon_days=definition.horizon_days,
                kind=outcome.model.candidate,
                status="challenger",
                path=version,
                metrics_json=headlines(outcome),
            )
        )
        known = self.ledger.decision_on(version)
        if known is None:
            verdict = self._judge(outcome, version, champion)
            # Busy, if the champion changed since: the task is tried again, against the new one
            known = self.ledger.record_decision(
                version,
                verdict.verdict,
                verdict.reason,
                judged_against=champion.model_version if champion else None,
                figures=verdict.figures,
            )
        return f"{known.verdict}. {known.reason}"

    def _judge(self, outcome: TrainingOutcome, version: str, champion: Model | None) -> Verdict:
        contest, judged = outcome.contest, outcome.contest.judged
        name = outcome.model.candidate
        alarms = standing_alarms(self.ledger, self.settings.source, self.trained_as_of)
        faults = contract_faults(table_schema(self.connection), outcome.model.contract)
        evidence = Evidence(
            challenger=version,
            churned=judged.churned if judged else np.array([], dtype=np.int64),
            challenger_scores=judged.probability[name] if judged else np.array([], dtype=np.float64),
            recency_scores=judged.probability[RECENCY_RULE] if judged else np.array([], dtype=np.float64),
            is_recency_rule=name == RECENCY_RULE,
            champion=champion.model_version if champion else None,
            champion_scores=contest.incumbent_scores if champion else None,
            champion_age_days=(self.trained_as_of - champion.trained_as_of).days if champion else 0,
            champion_alarms=[str(alarm.message) for alarm in alarms] if champion else (),
            contract_faults=faults,
            leak_alarms=contest.leak_alarms,
            slices=slice_values(judged.frame, self.value_cutoffs) if judged else {},
            test_as_of_date=contest.test,
            note=outcome.model.note,
        )
        return judge_challenger(evidence)


def search_rules(settings: Settings) -> SearchRules:
    """Return how much may be searched, as the settings say it."""
    return SearchRules(
        trials=settings.search_trials, fit_seconds=settings.fit_seconds, seconds=settings.search_seconds
    )


def competing(names: str) -> tuple[Candidate, ...]:
    """Return the candidates of a comma-separated list, in the registry's order; all for an empty one.

    Raises
    ------
    SettingsError
        If one is not known. The recency rule always takes part.
    """
    asked = {name.strip() for name in names.split(",") if name.strip()}
    unknown = asked - {candidate.name for candidate in CANDIDATES}
    if unknown:
        known = ", ".join(candidate.name for candidate in CANDIDATES)
        raise SettingsError("HOLDFAST_CANDIDATES names no candidate", sorted(unknown), f"use some of {known}")
    return tuple(one for one in CANDIDATES if not asked or one.name in asked | {RECENCY_RULE})


def daily_capacity(seed: Path) -> int:
    """Return how many users customer service can call in a day, from the seed of tier policies.

    Raises
    ------
    SettingsError
        If no policy, or more than one, is in force.
    """
    with seed.open(encoding="utf-8", newline="") as file:
        in_force = [row for row in csv.DictReader(file) if row["is_in_force"] == "true"]
    if len(in_force) != 1:
        raise SettingsError(
            f"{seed.name} must put exactly one policy in force", len(in_force), "mend the seed"
        )
    return int(in_force[0]["daily_capacity"])


def headlines(outcome: TrainingOutcome) -> str:
    """Return the figures that the ledger keeps of a training, as JSON."""
    figures: dict[str, dict[str, dict[str, float | None]]] = {}
    for metric in outcome.metrics:
        if metric.metric.removesuffix("_over_recency") in HEADLINES:
            figures.setdefault(metric.candidate, {})[metric.metric] = {
                key: _finite(getattr(metric, key)) for key in ("value", "lower", "upper")
            }
    return json.dumps(
        {
            "compared_on": outcome.compared_on,
            "test_as_of_date": str(outcome.test_as_of_date) if outcome.test_as_of_date else None,
            "note": outcome.model.note,
            "candidates": figures,
        },
        sort_keys=True,
    )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
