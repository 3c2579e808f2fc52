import dataclasses
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from ml.dataset import load_features
from ml.reports import report_frame, write_model_report
from ml.scoring import rank, repeat_scores, score, score_definition
from ml.tables import DEFINITION_SCORES
from tests.ml.makers import AS_OF, make_definition
from warehouse.errors import ContractBreach, GateFailure


def test_every_eligible_user_is_scored_once(build, outcome):
    found = score(build, as_of_date=AS_OF, model=outcome.model, run_id="run-1", themes={})
    assert found.users == 800
    rows = build.execute("select * from ml.churn_scores order by user_id").df()
    assert rows["user_id"].is_unique
    assert "gone" not in set(rows["user_id"])
    assert rows["churn_probability"].between(0, 1).all()
    assert rows["churn_decile"].value_counts().to_dict() == dict.fromkeys(range(1, 11), 80)
    assert rows["churn_percentile"].max() == 100
    assert set(rows["run_id"]) == {"run-1"}


def test_scoring_again_replaces_the_day_and_leaves_others(build, outcome):
    build.execute(
        "insert into features.user_features by name "
        "select * replace (as_of_date + 1 as as_of_date) from features.user_features where as_of_date = ?",
        [AS_OF],
    )
    tomorrow = AS_OF + timedelta(days=1)
    for day, run in ((AS_OF, "run-1"), (tomorrow, "run-2"), (AS_OF, "run-3")):
        score(build, as_of_date=day, model=outcome.model, run_id=run, themes={})
    counts = build.execute("select as_of_date, run_id, count(*) from ml.churn_scores group by all").fetchall()
    assert sorted(counts) == [(AS_OF, "run-3", 800), (tomorrow, "run-2", 800)]


def test_a_day_that_was_not_built_is_refused(build, outcome):
    with pytest.raises(ContractBreach, match="no eligible user for 2030-01-01"):
        score(build, as_of_date=date(2030, 1, 1), model=outcome.model, run_id="run-1", themes={})


def test_a_user_twice_in_the_features_is_refused(build, outcome):
    build.execute(
        "insert into features.user_features select * from features.user_features where user_id = 'u00007'"
    )
    with pytest.raises(ContractBreach, match="u00007"):
        score(build, as_of_date=AS_OF, model=outcome.model, run_id="run-1", themes={})


ACTIVE_60D = make_definition("paid_order_30d_active_60d", active_within_days=60, is_in_force=False)
FEW_ORDERS = make_definition("few_orders_30d", fewest_paid_days=2, most_paid_days=3, is_in_force=False)


def definition_scores(build, where="true"):
    return build.execute(f"select * from {DEFINITION_SCORES} where {where} order by all").df()


@pytest.mark.parametrize(
    ("definition", "asked"),
    [
        (ACTIVE_60D, "days_since_last_paid_order < 60"),
        (FEW_ORDERS, "days_since_last_paid_order < 180 and paid_days_lifetime in (2, 3)"),
    ],
    ids=["recent buyers", "few orders"],
)
def test_a_definition_scores_its_own_population_and_nobody_else(build, outcome, definition, asked):
    expected = build.execute(
        f"select user_id from features.user_features where as_of_date = '{AS_OF}' and {asked} order by 1"
    ).df()
    assert score_definition(build, AS_OF, definition, outcome.model, "run-1") == len(expected)
    rows = definition_scores(build)
    assert rows["user_id"].tolist() == expected["user_id"].tolist()
    assert 0 < len(rows) < 800
    assert set(rows["definition_id"]) == {definition.definition_id}
    assert rows["churn_percentile"].max() == 100
    frame = load_features(build, AS_OF, definition)
    np.testing.assert_array_equal(rows["churn_probability"], outcome.model.predict(frame))


def test_definitions_leave_each_others_scores_alone_and_replace_their_own(build, outcome):
    for definition, run in ((ACTIVE_60D, "run-1"), (FEW_ORDERS, "run-2"), (ACTIVE_60D, "run-3")):
        score_definition(build, AS_OF, definition, outcome.model, run)
    runs = definition_scores(build).groupby("definition_id")["run_id"].unique()
    assert {name: found.tolist() for name, found in runs.items()} == {
        FEW_ORDERS.definition_id: ["run-2"],
        ACTIVE_60D.definition_id: ["run-3"],
    }


def test_a_definition_that_asks_about_nobody_any_more_keeps_no_scores_of_an_earlier_run(build, outcome):
    score_definition(build, AS_OF, FEW_ORDERS, outcome.model, "run-1")
    build.execute("update features.user_features set paid_days_lifetime = 7")
    assert score_definition(build, AS_OF, FEW_ORDERS, outcome.model, "run-2") == 0
    assert definition_scores(build).empty


def test_an_unsound_score_of_a_definition_is_not_written(build, outcome):
    score_definition(build, AS_OF, FEW_ORDERS, outcome.model, "run-1")
    before = definition_scores(build)

    class Broken:
        def predict(self, log_odds):
            return np.full(len(log_odds), np.nan)

    broken = dataclasses.replace(outcome.model, calibrator=Broken())
    with pytest.raises(GateFailure, match="not a probability"):
        score_definition(build, AS_OF, FEW_ORDERS, broken, "run-2")
    pd.testing.assert_frame_equal(definition_scores(build), before)


def test_the_definition_in_force_is_repeated_to_the_last_digit(build, outcome):
    in_force = make_definition()
    score(build, as_of_date=AS_OF, model=outcome.model, run_id="run-1", themes={})
    for _ in range(2):
        repeat_scores(build, AS_OF, in_force)
    rows = definition_scores(build).sort_values("user_id", ignore_index=True)
    said = list(rows.columns.drop("definition_id"))
    first = build.execute(f"select {', '.join(said)} from ml.churn_scores order by user_id").df()
    pd.testing.assert_frame_equal(rows[said], first, check_exact=True)


def test_already_churned_users_are_not_scored(build, outcome):
    long_ago = (
        "update features.user_features set days_since_last_paid_order = {}, is_eligible = {} "
        "where user_id = '{}' and as_of_date = '{}'"
    )
    build.execute(long_ago.format(180, "false", "u00007", AS_OF))
    build.execute(long_ago.format(179, "true", "u00008", AS_OF))
    in_force = make_definition()
    score(build, as_of_date=AS_OF, model=outcome.model, run_id="run-1", themes={})
    score_definition(build, AS_OF, in_force, outcome.model, "run-1")
    for table in ("ml.churn_scores", DEFINITION_SCORES):
        scored = {user for (user,) in build.execute(f"select user_id from {table}").fetchall()}
        assert "u00008" in scored, table
        assert not {"u00007", "gone"} & scored, table


def test_ties_are_broken_by_user_id_whatever_the_order_of_rows():
    percentile, decile = rank(np.full(10, 0.5), pd.Series(list("jihgfedcba")))
    assert decile.tolist() == list(range(10, 0, -1))
    assert percentile.tolist() == [100.0, 90.0, 80.0, 70.0, 60.0, 50.0, 40.0, 30.0, 20.0, 10.0]


def test_the_report_says_how_candidates_were_compared(build, outcome):
    for _ in range(2):
        write_model_report(build, outcome, "churn-1")
    rows = build.execute("select * from ml.model_report").df()
    assert len(rows) == len(report_frame(outcome, "churn-1")) == len(outcome.metrics) + 3
    assert rows["note"].str.startswith("Compared on a later snapshot").all()
    assert rows.loc[rows["metric"] == "is_chosen", "candidate"].tolist() == [outcome.model.candidate]
