"""What the scheduler calls, on a made-up shop with few definitions of churn."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from ml.__main__ import main
from ml.entry import score_day, snapshots_missing, train_model, training_due
from ml.tables import DEFINITION_SCORES
from ml.training import snapshots_to_build
from tests.ml.makers import AS_OF, FIRST_DAY, HORIZON, TRAINED_AS_OF
from tests.ml.shops import BESIDE, IN_FORCE, NOBODY, USERS, environment_of, settings_of
from warehouse.connections import open_build
from warehouse.errors import ContractBreach, SupersededRun
from warehouse.ledger import Ledger

SCORED_BY = "select definition_id, count(*), any_value(model_version) from ml.definition_scores group by 1"


def rows(settings, query):
    with open_build(settings) as connection:
        return connection.execute(query).fetchall()


def score(shop, day=AS_OF):
    run = shop.ledger.begin_run("score", shop.settings.source, day)
    return score_day(shop.settings, shop.ledger, run, day)


def test_a_day_is_trained_for_scored_and_pinned_to_its_models(trained_once, trained):
    assert trained_once.scored.users == USERS
    assert trained_once.scored.model_version == trained_once.version
    assert training_due(trained.settings, trained.ledger, AS_OF) is None
    for definition_id in (IN_FORCE, BESIDE, NOBODY):
        used = trained.ledger.model_for_day("sample_shop", AS_OF, definition_id)
        champion = trained.ledger.champion_for("sample_shop", definition_id, AS_OF)
        assert used.model_version == champion.model_version


def test_before_a_model_is_champion_training_is_due_on_the_last_sunday(untrained):
    assert training_due(untrained.settings, untrained.ledger, AS_OF) == TRAINED_AS_OF
    assert training_due(untrained.settings, untrained.ledger, date(2024, 12, 31)) == date(2024, 12, 29)


def test_a_week_later_training_is_due_again_and_not_for_days_before_the_model(trained):
    later = TRAINED_AS_OF + timedelta(days=7)
    assert training_due(trained.settings, trained.ledger, later) == later
    assert training_due(trained.settings, trained.ledger, date(2024, 12, 31)) == date(2024, 12, 29)


def test_a_pinned_champion_needs_no_training(trained):
    trained.ledger.pin_champion(trained.version, AS_OF, decided_by="ada", reason="a test")
    later = TRAINED_AS_OF + timedelta(days=21)
    assert training_due(trained.settings, trained.ledger, later) is None


def test_a_day_scored_before_keeps_its_models_and_gives_the_same_scores(trained):
    every = "select * exclude (run_id) from {} order by all"
    tables = ("ml.churn_scores", DEFINITION_SCORES)
    before = [rows(trained.settings, every.format(table)) for table in tables]
    first = trained.ledger.model(trained.version)
    trained.ledger.record_model(
        replace(first, model_version="newer", trained_as_of=AS_OF, status="challenger")
    )
    trained.ledger.record_decision("newer", "promoted", "a test", judged_against=trained.version)
    assert trained.ledger.champion_for(first.source, IN_FORCE, AS_OF).model_version == "newer"
    assert score(trained).model_version == trained.version
    assert [rows(trained.settings, every.format(table)) for table in tables] == before


def test_a_champion_serves_until_another_takes_its_place_and_never_the_past(trained):
    with open_build(trained.settings) as connection:
        for days in (14, -21):
            connection.execute(
                "insert into features.user_features by name select * replace (as_of_date + ? as as_of_date) "
                "from features.user_features where as_of_date = ?",
                [days, AS_OF],
            )
    assert score(trained, AS_OF + timedelta(days=14)).model_version == trained.version
    with pytest.raises(ContractBreach, match="is champion for paid_order_30d on 2024-12-18"):
        score(trained, AS_OF - timedelta(days=21))


def test_a_superseded_run_writes_no_scores(trained):
    day = TRAINED_AS_OF + timedelta(days=28)
    old, _newer = (trained.ledger.begin_run("score", "sample_shop", day) for _ in range(2))
    with pytest.raises(SupersededRun):
        score_day(trained.settings, trained.ledger, old, day)
    assert trained.ledger.model_for_day("sample_shop", day, IN_FORCE) is None
    assert rows(trained.settings, "select distinct as_of_date from ml.churn_scores") == [(AS_OF,)]


def test_other_definitions_are_scored_beside_each_with_a_model_of_its_own(trained):
    counts = {definition: users for definition, users, _ in rows(trained.settings, SCORED_BY)}
    asked = "days_since_last_paid_order < 120 and paid_days_lifetime between 1 and 3"
    (expected,) = rows(
        trained.settings,
        f"select count(*) from features.user_features where as_of_date = '{AS_OF}' and {asked}",
    )[0]
    assert counts == {IN_FORCE: USERS, BESIDE: expected}
    assert 0 < expected < USERS
    versions = {definition: version for definition, _, version in rows(trained.settings, SCORED_BY)}
    assert versions[IN_FORCE] != versions[BESIDE]


def test_the_definition_in_force_is_repeated_to_the_last_digit(trained):
    columns = (
        "as_of_date, user_id, churn_probability, churn_percentile, churn_decile, horizon_days, model_version"
    )
    repeated = (
        f"select {columns} from {DEFINITION_SCORES} where definition_id = '{IN_FORCE}' order by user_id"
    )
    first = rows(trained.settings, f"select {columns} from ml.churn_scores order by user_id")
    assert rows(trained.settings, repeated) == first
    assert len(first) == USERS


def test_a_definition_of_few_orders_in_force_scores_its_population_and_nobody_else(trained):
    asked = "coalesce(days_since_last_paid_order < 120 and paid_days_lifetime between 1 and 3, false)"
    trained.settings = replace(trained.settings, definition_id=BESIDE)
    with pytest.raises(ContractBreach, match=f"was built for another definition of churn than {BESIDE}"):
        score(trained)
    with open_build(trained.settings) as connection:
        connection.execute(f"update features.user_features set is_eligible = {asked}")
    outcome = score(trained)
    expected = rows(
        trained.settings,
        f"select user_id from features.user_features where as_of_date = '{AS_OF}' and {asked} order by 1",
    )
    assert 0 < len(expected) < USERS
    assert rows(trained.settings, "select user_id from ml.churn_scores order by 1") == expected
    champion = trained.ledger.champion_for("sample_shop", BESIDE, AS_OF)
    assert outcome.model_version == champion.model_version
    assert training_due(trained.settings, trained.ledger, AS_OF) is None


def test_who_has_not_bought_for_too_long_is_churned_already_and_not_scored(trained):
    with open_build(trained.settings) as connection:
        connection.execute(
            "update features.user_features set days_since_last_paid_order = 180, is_eligible = false "
            "where user_id = 'u00007' and as_of_date = ?",
            [AS_OF],
        )
    score(trained)
    for table in ("ml.churn_scores", DEFINITION_SCORES):
        scored = {user for (user,) in rows(trained.settings, f"select user_id from {table}")}
        assert "u00008" in scored, table
        assert not {"u00007", "gone"} & scored, table


def test_snapshots_that_training_still_needs_are_named(untrained):
    needed = snapshots_to_build(TRAINED_AS_OF, HORIZON, FIRST_DAY)
    assert snapshots_missing(untrained.settings, TRAINED_AS_OF) == []
    with open_build(untrained.settings) as connection:
        connection.execute("delete from features.user_features where as_of_date = ?", [needed[1]])
    assert snapshots_missing(untrained.settings, TRAINED_AS_OF) == [needed[1]]


def test_before_the_first_delivery_training_is_refused(tmp_path):
    settings = settings_of(tmp_path)
    assert snapshots_missing(settings, TRAINED_AS_OF) == []
    with (
        Ledger.open(settings) as ledger,
        pytest.raises(ContractBreach, match="Nothing is known of sample_shop"),
    ):
        train_model(settings, ledger, TRAINED_AS_OF)


def test_training_scoring_and_listing_work_by_hand(trained, monkeypatch, capsys):
    for name, value in environment_of(trained.settings.home).items():
        monkeypatch.setenv(name, value)
    assert main(["train", "--as-of", str(TRAINED_AS_OF)]) == 0
    assert main(["score", "--as-of", str(AS_OF)]) == 0
    assert main(["list"]) == 0
    assert main(["score", "--as-of", "2023-01-01"]) == 2
    said = capsys.readouterr()
    assert f"wrote {USERS} scores" in said.out
    assert trained.version in said.out
    assert "is champion for paid_order_30d on 2023-01-01" in said.err
