"""One training day: who is registered, what is decided, and what is reported."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from ml.candidates import CANDIDATES
from ml.dataset import first_data_day
from ml.entry import score_day, train_model
from ml.registry import load_metadata, save_model
from ml.tables import BACKTEST, CURVES, IMPORTANCE, LEARNING_CURVE, REPORT, SLICES
from ml.trainer import Trainer, competing, daily_capacity
from tests.ml.makers import AS_OF, TRAINED_AS_OF
from tests.ml.shops import A_MONTH_LATER, BESIDE, IN_FORCE, NOBODY
from warehouse.connections import open_build
from warehouse.errors import Busy, SettingsError

SOURCE = "sample_shop"
REPORTS = (SLICES, CURVES, IMPORTANCE, LEARNING_CURVE, BACKTEST)


@pytest.fixture
def briefly(monkeypatch):
    """Report nothing beside the candidates' figures: reports take most of the time."""
    monkeypatch.setattr("ml.trainer.report_frames", lambda *_others, **_more: {})


@pytest.fixture
def unsound(monkeypatch, briefly):
    """Let every model look as if it had seen the outcome."""
    monkeypatch.setattr("ml.contest.implausible_score", lambda *_others, **_more: "it has seen the outcome")


def rows(settings, query):
    with open_build(settings) as connection:
        return connection.execute(query).fetchall()


def versions(shop):
    return sorted(model.model_version for model in shop.ledger.models(SOURCE))


def champion(shop, definition_id=IN_FORCE, day=AS_OF):
    return shop.ledger.champion_for(SOURCE, definition_id, day)


def decisions(shop, definition_id=IN_FORCE):
    return [(one.challenger, one.verdict) for one in shop.ledger.model_decisions(SOURCE, definition_id)]


def test_the_first_sound_model_of_every_definition_becomes_champion(trained):
    assert decisions(trained) == [(trained.version, "promoted")]
    assert champion(trained).model_version == trained.version
    assert champion(trained).kind == "logistic_regression"
    assert champion(trained, BESIDE).kind == "logistic_regression"
    assert champion(trained, NOBODY).kind == "recency_rule"
    (decision,) = trained.ledger.model_decisions(SOURCE, NOBODY)
    assert decision.reason.startswith("No user was eligible in the snapshots to learn from.")


def test_training_again_gives_the_same_versions_and_decides_nothing_again(trained, briefly):
    before = versions(trained), trained.ledger.model_decisions(SOURCE)
    assert train_model(trained.settings, trained.ledger, TRAINED_AS_OF) == trained.version
    assert (versions(trained), trained.ledger.model_decisions(SOURCE)) == before


def test_without_a_champion_the_recency_rule_takes_the_place_of_an_unsound_model(untrained, unsound):
    version = train_model(untrained.settings, untrained.ledger, TRAINED_AS_OF)
    (refused, verdict), (rule, promoted) = decisions(untrained)
    assert (refused, verdict, promoted) == (version, "refused", "promoted")
    assert champion(untrained).model_version == rule
    assert champion(untrained).kind == "recency_rule"
    run = untrained.ledger.begin_run("score", SOURCE, AS_OF)
    scored = score_day(untrained.settings, untrained.ledger, run, AS_OF)
    assert scored.candidate == "recency_rule"
    assert scored.note.startswith("logistic_regression was not sound and there is no champion")
    again = train_model(untrained.settings, untrained.ledger, TRAINED_AS_OF)
    assert again == version
    assert len(decisions(untrained)) == 2


def test_an_unsound_model_leaves_the_champion_that_there_is(trained, unsound):
    version = train_model(trained.settings, trained.ledger, A_MONTH_LATER)
    assert decisions(trained) == [(trained.version, "promoted"), (version, "refused")]
    assert champion(trained, day=A_MONTH_LATER).model_version == trained.version
    kinds = {model.kind for model in trained.ledger.models(SOURCE, IN_FORCE)}
    assert kinds == {"logistic_regression"}


def test_a_challenger_that_is_no_better_leaves_the_champion_and_the_reason_says_so(trained, briefly):
    version = train_model(trained.settings, trained.ledger, A_MONTH_LATER)
    assert decisions(trained) == [(trained.version, "promoted"), (version, "kept")]
    decision = trained.ledger.decision_on(version)
    figures = json.loads(decision.figures_json)
    assert decision.champion == figures["champion"] == trained.version
    assert figures["users"] == 600
    assert figures["champion_age_days"] == 28
    assert f"Not better than {trained.version} by more than noise" in decision.reason
    auc = figures["metrics"]["roc_auc"]
    assert auc["challenger"] == pytest.approx(auc["incumbent"])  # the same recipe, on the same rows


def test_a_champion_that_changes_during_training_is_not_judged_by_the_scores_of_the_one_before(
    trained, briefly, monkeypatch
):
    another = replace(
        trained.ledger.model(trained.version),
        model_version="another",
        trained_as_of=AS_OF,
        status="challenger",
    )

    def while_somebody_promotes(*others, **more):
        monkeypatch.undo()
        trained.ledger.record_model(another)
        trained.ledger.record_decision("another", "promoted", "a test", judged_against=trained.version)
        return save_model(*others, **more)

    monkeypatch.setattr("ml.trainer.save_model", while_somebody_promotes)
    with pytest.raises(Busy, match=f"The champion for {A_MONTH_LATER} is another"):
        train_model(trained.settings, trained.ledger, A_MONTH_LATER)
    assert champion(trained, day=A_MONTH_LATER).model_version == "another"
    assert decisions(trained)[-1] == ("another", "promoted")


def test_a_champion_whose_files_are_damaged_is_told_and_the_recency_rule_stands_in_for_it(trained, briefly):
    (trained.settings.models / trained.version / "metadata.json").write_text("{}")
    lines = []
    version = train_model(trained.settings, trained.ledger, A_MONTH_LATER, lines.append)
    assert any("compared with the recency rule instead" in line for line in lines)
    decision = trained.ledger.decision_on(version)
    assert (decision.verdict, decision.champion) == ("promoted", trained.version)
    assert f"{trained.version} gives no scores. Better than the recency rule" in decision.reason


def test_every_definition_reports_its_candidates_and_only_the_one_in_force_the_rest(trained):
    told = rows(trained.settings, f"select distinct definition_id, candidate from {REPORT} order by all")
    assert set(told) == {
        (IN_FORCE, "recency_rule"),
        (IN_FORCE, "logistic_regression"),
        (BESIDE, "recency_rule"),
        (BESIDE, "rfm_logistic"),
        (BESIDE, "logistic_regression"),
        (NOBODY, "recency_rule"),
    }
    for table in REPORTS:
        found = rows(
            trained.settings, f"select definition_id, trained_as_of, model_version from {table} group by all"
        )
        assert found == [(IN_FORCE, TRAINED_AS_OF, trained.version)], table


def test_training_again_replaces_what_was_reported(trained):
    counts = "select " + ", ".join(f"(select count(*) from {table})" for table in (REPORT, *REPORTS))
    before = rows(trained.settings, counts)
    train_model(trained.settings, trained.ledger, TRAINED_AS_OF)
    assert rows(trained.settings, counts) == before
    assert min(before[0]) > 0


def test_the_training_in_force_is_kept_with_its_data_window_code_and_seed(trained_once):
    (kept,) = trained_once.kept
    assert (kept["experiment"], kept["name"]) == (f"{SOURCE}/{IN_FORCE}", trained_once.version)
    metadata = load_metadata(trained_once.version, trained_once.home / "models")
    facts = kept["facts"]
    assert facts["data_window"] == f"2024-06-19 to {TRAINED_AS_OF}"
    assert facts["code_version"] == metadata["code_version"]
    assert (facts["seed"], facts["candidate"]) == (0, "logistic_regression")
    assert {row.candidate for row in kept["metrics"]} == {"recency_rule", "logistic_regression"}


def test_each_step_is_told_with_candidates_times_and_the_decision(trained_once):
    told = "\n".join(trained_once.lines)
    assert "contest 2/2 logistic_regression: log loss 0." in told
    assert f"{trained_once.version} (logistic_regression): promoted." in told
    assert f"{BESIDE}: the same; asked of recent buyers with few orders" in told


def test_other_definitions_let_a_regression_meet_the_plain_rules_without_a_search(trained):
    with open_build(trained.settings) as connection:
        trainer = Trainer(
            trained.settings,
            trained.ledger,
            connection,
            trained_as_of=TRAINED_AS_OF,
            first_data_day=first_data_day(connection, TRAINED_AS_OF),
            progress=lambda _line: None,
        )
        rules = trainer.rules_beside()
    assert [one.name for one in rules.candidates] == ["recency_rule", "rfm_logistic", "logistic_regression"]
    assert rules.search.trials == 0
    assert trainer.rules().capacity == daily_capacity(
        trained.settings.dbt_project / "seeds" / "tier_policy.csv"
    )


def test_settings_say_who_competes_and_the_recency_rule_always_does():
    assert competing("") == CANDIDATES
    assert [one.name for one in competing(" boosted_trees,logistic_regression ")] == [
        "recency_rule",
        "logistic_regression",
        "boosted_trees",
    ]
    with pytest.raises(SettingsError, match="crystal_ball"):
        competing("logistic_regression,crystal_ball")


@pytest.mark.parametrize("in_force", [(), ("a", "b")])
def test_the_capacity_is_that_of_the_one_policy_in_force(tmp_path, in_force):
    seed = tmp_path / "tier_policy.csv"
    lines = [f"{name},{name in in_force},{number}".lower() for number, name in enumerate("abc")]
    seed.write_text("\n".join(["policy,is_in_force,daily_capacity", *lines]))
    with pytest.raises(SettingsError, match="exactly one policy"):
        daily_capacity(seed)
    seed.write_text("policy,is_in_force,daily_capacity\na,false,1\nb,true,200\n")
    assert daily_capacity(seed) == 200


def test_a_later_day_is_scored_by_the_champion_of_that_day(trained, briefly):
    train_model(trained.settings, trained.ledger, A_MONTH_LATER)
    later = A_MONTH_LATER
    run = trained.ledger.begin_run("score", SOURCE, later)
    assert score_day(trained.settings, trained.ledger, run, later).model_version == trained.version
    assert champion(trained, day=AS_OF - timedelta(days=10)) is None
