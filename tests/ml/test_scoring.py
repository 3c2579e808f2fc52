from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from ml.reports import report_frame, write_model_report
from ml.scoring import rank, score
from tests.ml.makers import AS_OF
from warehouse.errors import ContractBreach


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
