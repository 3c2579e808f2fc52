import json
from datetime import date, timedelta

import pytest

from ml.__main__ import main
from ml.calendar import snapshots_needed
from ml.entry import score_day, snapshots_missing, train_model, training_due
from tests.ml.conftest import AS_OF
from tests.ml.makers import FIRST_DAY, HORIZON, TRAINED_AS_OF, make_build
from warehouse.connections import open_build
from warehouse.errors import ContractBreach, SupersededRun
from warehouse.ledger import Ledger, Model
from warehouse.settings import Settings

NEEDED = snapshots_needed(TRAINED_AS_OF, HORIZON, FIRST_DAY)


@pytest.fixture
def settings(tmp_path):
    environment = {"HOLDFAST_HOME": str(tmp_path), "HOLDFAST_HORIZON_DAYS": str(HORIZON)}
    return Settings.from_environment(environment)


@pytest.fixture
def ledger(settings):
    with Ledger.open(settings) as opened:
        yield opened


@pytest.fixture
def shop(settings):
    with open_build(settings) as connection:
        make_build(connection, [*NEEDED, AS_OF])
    return settings


def begin(ledger, settings, day=AS_OF):
    return ledger.begin_run("score", settings.source, day)


def test_a_day_is_trained_for_scored_and_pinned_to_its_model(shop, ledger):
    assert training_due(shop, ledger, AS_OF) == TRAINED_AS_OF
    model_version = train_model(shop, ledger, TRAINED_AS_OF)
    assert training_due(shop, ledger, AS_OF) is None
    outcome = score_day(shop, ledger, begin(ledger, shop), AS_OF)
    assert (outcome.model_version, outcome.users) == (model_version, 800)
    assert ledger.model_for_day(shop.source, AS_OF, shop.definition_id).model_version == model_version
    kept = json.loads(ledger.model(model_version).metrics_json)
    assert kept["compared_on"] == "out_of_time"
    assert kept["candidates"]["boosted_trees"]["roc_auc"]["value"] > 0.6


def test_training_again_gives_the_same_model(shop, ledger):
    assert train_model(shop, ledger, TRAINED_AS_OF) == train_model(shop, ledger, TRAINED_AS_OF)
    assert len(ledger.models(shop.source)) == 1


def test_a_day_scored_before_keeps_its_model_and_gives_the_same_scores(shop, ledger):
    def scores():
        with open_build(shop) as connection:
            return connection.execute(
                "select * exclude (run_id) from ml.churn_scores order by user_id"
            ).fetchall()

    first_model = train_model(shop, ledger, TRAINED_AS_OF)
    score_day(shop, ledger, begin(ledger, shop), AS_OF)
    before = scores()
    ledger.record_model(
        Model("churn-newer", shop.source, AS_OF, HORIZON, "boosted_trees", "challenger", "churn-newer")
    )
    assert score_day(shop, ledger, begin(ledger, shop), AS_OF).model_version == first_model
    assert scores() == before


def test_a_model_from_an_older_week_does_not_score(shop, ledger):
    train_model(shop, ledger, TRAINED_AS_OF)
    later = TRAINED_AS_OF + timedelta(days=7)
    assert training_due(shop, ledger, later) == later
    with pytest.raises(ContractBreach, match="No accepted model"):
        score_day(shop, ledger, begin(ledger, shop, later), later)


def test_a_model_of_the_future_does_not_score_the_past(shop, ledger):
    train_model(shop, ledger, TRAINED_AS_OF)
    assert training_due(shop, ledger, date(2024, 12, 31)) == date(2024, 12, 29)


def test_a_superseded_run_writes_no_scores(shop, ledger):
    train_model(shop, ledger, TRAINED_AS_OF)
    old, _newer = begin(ledger, shop), begin(ledger, shop)
    with pytest.raises(SupersededRun):
        score_day(shop, ledger, old, AS_OF)
    assert ledger.model_for_day(shop.source, AS_OF, shop.definition_id) is None


def test_snapshots_that_training_still_needs_are_named(shop):
    with open_build(shop) as connection:
        connection.execute("delete from features.user_features where as_of_date = ?", [NEEDED[1]])
    assert snapshots_missing(shop, TRAINED_AS_OF) == [NEEDED[1]]


def test_before_the_first_delivery_training_is_refused(settings, ledger):
    assert snapshots_missing(settings, TRAINED_AS_OF) == []
    with pytest.raises(ContractBreach, match="Nothing is known of sample_shop"):
        train_model(settings, ledger, TRAINED_AS_OF)


def test_training_scoring_and_listing_work_by_hand(shop, monkeypatch, capsys):
    monkeypatch.setenv("HOLDFAST_HOME", str(shop.home))
    monkeypatch.setenv("HOLDFAST_HORIZON_DAYS", str(HORIZON))
    assert main(["train", "--as-of", str(TRAINED_AS_OF)]) == 0
    assert main(["score", "--as-of", str(AS_OF)]) == 0
    assert main(["list"]) == 0
    assert main(["score", "--as-of", "2030-01-01"]) == 1
    said = capsys.readouterr()
    assert "wrote 800 scores" in said.out
    assert "boosted_trees out_of_time" in said.out or "logistic_regression out_of_time" in said.out
    assert "No accepted model" in said.err
