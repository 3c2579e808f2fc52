"""Trained weekly, scored daily: what decides on a day, what is told, and what survives damage."""

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from ml.__main__ import main
from ml.artefact import canonical_json
from ml.features import FeatureContract
from ml.uplift import entry, training
from ml.uplift.entry import POLICY_BACK_TO_SEED, score_uplift, train_uplift
from ml.uplift.estimators import LINEAR
from ml.uplift.learners import ClassTransformation
from ml.uplift.model import UpliftModel
from ml.uplift.report import models_in_force, report_text
from ml.uplift.store import load_uplift_model
from tests.ml.uplift.build_files import CAMPAIGN, SCORED_ON, TRAINED_AS_OF, USERS, make_experiment_build
from warehouse.connections import open_build
from warehouse.errors import ContractBreach, DamagedFile, GateFailure, SupersededRun
from warehouse.ledger import Ledger
from warehouse.settings import Settings

WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "LEARNERS", {"class_linear": lambda: ClassTransformation(LINEAR)})


def settings_of(home: Path) -> Settings:
    return Settings.from_environment({"HOLDFAST_HOME": str(home), "HOLDFAST_SOURCE": "sample_shop"})


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("uplift")
    settings = settings_of(home)
    with pytest.MonkeyPatch.context() as patch, Ledger.open(settings) as ledger:
        patch.setattr(training, "LEARNERS", {"class_linear": lambda: ClassTransformation(LINEAR)})
        with open_build(settings) as connection:
            make_experiment_build(connection)
        train_uplift(settings, ledger, TRAINED_AS_OF)
    return home


@pytest.fixture
def shop(tmp_path: Path, trained_once: Path) -> Iterator[SimpleNamespace]:
    shutil.copytree(trained_once, tmp_path / "home")
    settings = settings_of(tmp_path / "home")
    with Ledger.open(settings) as ledger:
        run = ledger.begin_run("score", settings.source, SCORED_ON)
        yield SimpleNamespace(settings=settings, ledger=ledger, run=run)


def rows_of(shop: SimpleNamespace, table: str) -> pd.DataFrame:
    with open_build(shop.settings) as connection:
        return connection.execute(f"select * from {table} order by all").df()


def in_force(shop: SimpleNamespace, day=SCORED_ON) -> dict[str, str]:
    with open_build(shop.settings) as connection:
        return models_in_force(connection, day)


def score(shop: SimpleNamespace) -> dict[str, int]:
    return score_uplift(shop.settings, shop.ledger, shop.run, SCORED_ON)


def test_a_trained_model_is_stored_signed_and_scores_every_user_of_the_day(shop):
    version = in_force(shop)[CAMPAIGN]
    assert version.startswith(f"uplift-20250413-{CAMPAIGN}-")
    assert score(shop) == {CAMPAIGN: USERS}
    rows = rows_of(shop, "ml.uplift_scores")
    assert len(rows) == rows["user_id"].nunique() == USERS
    assert set(rows["model_version"]) == {version}
    assert rows["uplift_probability"].between(-1, 1).all()
    assert rows["uplift_margin"].std() > 0


def test_training_and_scoring_again_give_the_same_versions_and_rows(shop):
    score(shop)
    tables = ("ml.uplift_report", "ml.uplift_scores")
    before = {table: rows_of(shop, table) for table in tables}
    verdicts = train_uplift(shop.settings, shop.ledger, TRAINED_AS_OF)
    assert "decides" in verdicts[CAMPAIGN]
    score(shop)
    for table in tables:
        assert len(before[table])
        pd.testing.assert_frame_equal(rows_of(shop, table), before[table])


def test_a_model_decides_no_day_before_its_own(shop):
    assert in_force(shop, TRAINED_AS_OF - timedelta(days=1)) == {}
    assert set(in_force(shop, TRAINED_AS_OF)) == {CAMPAIGN}


def test_without_experiments_the_seed_decides_and_nothing_fails(tmp_path):
    settings = settings_of(tmp_path)
    lines: list[str] = []
    with Ledger.open(settings) as ledger:
        assert train_uplift(settings, ledger, TRAINED_AS_OF, lines.append) == {}
        run = ledger.begin_run("score", settings.source, SCORED_ON)
        assert score_uplift(settings, ledger, run, SCORED_ON) == {}
    assert "the policy is the seed's" in lines[0]
    with open_build(settings) as connection:
        assert report_text(connection, SCORED_ON).endswith("the policy is the seed's.")


def test_a_campaign_that_goes_back_to_the_seed_raises_an_alarm_and_is_not_scored(shop):
    later = TRAINED_AS_OF + WEEK
    with open_build(shop.settings) as connection:
        connection.execute(
            "update campaigns.campaign_user_outcomes set as_of_date = ?, net_margin = 0, churned = 0", [later]
        )
    train_uplift(shop.settings, shop.ledger, later)
    [alarm] = shop.ledger.alarms(shop.settings.source, last_day=later, kind=POLICY_BACK_TO_SEED)
    assert alarm.subject == CAMPAIGN
    assert "Too little data" in alarm.message
    assert in_force(shop, later) == {}
    assert set(in_force(shop, SCORED_ON)) == {CAMPAIGN}


def test_a_day_that_was_scored_keeps_its_model_whatever_is_trained_later(shop):
    score(shop)
    before = rows_of(shop, "ml.uplift_scores")
    with open_build(shop.settings) as connection:
        connection.execute("update ml.uplift_report set model_version = null, is_in_force = false")
    assert in_force(shop) == {}
    score(shop)
    pd.testing.assert_frame_equal(rows_of(shop, "ml.uplift_scores"), before)


def test_a_model_that_was_tampered_with_decides_nothing_and_is_told(shop):
    version = in_force(shop)[CAMPAIGN]
    path = shop.settings.models / "uplift" / version / "model.skops"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DamagedFile, match="signature"):
        load_uplift_model(version, shop.settings.models)
    assert score(shop) == {}
    assert rows_of(shop, "ml.uplift_scores").empty
    [alarm] = shop.ledger.alarms(shop.settings.source, last_day=SCORED_ON, kind=POLICY_BACK_TO_SEED)
    assert "signature" in alarm.message


def test_a_model_whose_golden_rows_do_not_replay_is_refused(shop, monkeypatch):
    version = in_force(shop)[CAMPAIGN]
    monkeypatch.setattr(
        ClassTransformation, "predict_uplift", lambda self, inputs: inputs.iloc[:, 0].to_numpy()
    )
    with pytest.raises(DamagedFile, match="golden rows"):
        load_uplift_model(version, shop.settings.models)


def test_a_model_of_another_scikit_learn_is_refused(shop, monkeypatch):
    version = in_force(shop)[CAMPAIGN]
    monkeypatch.setattr("ml.uplift.store.version", lambda _library: "0.0")
    with pytest.raises(DamagedFile, match="scikit-learn"):
        load_uplift_model(version, shop.settings.models)


def test_an_uplift_that_is_no_number_is_not_written(shop, monkeypatch):
    nothing = pd.Series([float("nan")] * USERS)
    monkeypatch.setattr(
        "ml.uplift.model.UpliftModel.predict",
        lambda self, frame: pd.DataFrame({"uplift_probability": nothing, "uplift_margin": nothing}),
    )
    monkeypatch.setattr(entry, "load_uplift_model", lambda version, models: make_model())
    with pytest.raises(GateFailure, match="not a number"):
        score(shop)
    assert rows_of(shop, "ml.uplift_scores").empty


def make_model():
    return UpliftModel(CAMPAIGN, TRAINED_AS_OF, FeatureContract((), {}), {}, {}, {}, "uplift-1")


def test_a_day_without_churn_scores_is_refused(shop):
    with open_build(shop.settings) as connection:
        connection.execute("delete from ml.churn_scores where as_of_date = ?", [SCORED_ON])
    with pytest.raises(ContractBreach, match="was not scored"):
        score(shop)


def test_features_that_do_not_fit_the_model_are_refused(shop):
    with open_build(shop.settings) as connection:
        connection.execute("alter table features.user_features drop column paid_orders_30d")
    with pytest.raises(ContractBreach, match="paid_orders_30d is missing"):
        score(shop)


def test_an_overtaken_run_writes_nothing(shop):
    shop.ledger.begin_run("score", shop.settings.source, SCORED_ON)
    with pytest.raises(SupersededRun):
        score(shop)
    assert rows_of(shop, "ml.uplift_scores").empty


def test_the_report_as_text_names_verdict_learners_and_intervals(shop):
    with open_build(shop.settings) as connection:
        text = report_text(connection, SCORED_ON)
    assert "class_linear" in text
    assert "in force" in text
    assert f"{CAMPAIGN}, {TRAINED_AS_OF}: above 0." in text
    # what it says works: see the tests of models that do not verify
    assert f"remove models/uplift/{in_force(shop)[CAMPAIGN]}" in text


def test_metadata_is_written_the_same_way_each_time(shop):
    folder = shop.settings.models / "uplift" / in_force(shop)[CAMPAIGN]
    text = (folder / "metadata.json").read_bytes()
    assert canonical_json(json.loads(text)) == text


def test_the_commands_train_and_tell_what_decides(shop, monkeypatch, capsys):
    monkeypatch.setenv("HOLDFAST_HOME", str(shop.settings.home))
    monkeypatch.setenv("HOLDFAST_SOURCE", "sample_shop")
    assert main(["train-uplift", "--as-of", str(TRAINED_AS_OF)]) == 0
    assert "class_linear decides" in capsys.readouterr().out
    assert main(["uplift", "--as-of", str(SCORED_ON)]) == 0
    assert f"{CAMPAIGN}, {TRAINED_AS_OF}: above 0." in capsys.readouterr().out
    assert main(["uplift", "--as-of", "2024-01-01"]) == 0
    assert "No uplift model was trained" in capsys.readouterr().out
