"""Single users are scored by the functions that score a day, and placed among the day's users."""

import numpy as np
import pandas as pd
import pytest

from ml.dataset import FEATURE_TABLE, load_features, table_schema
from ml.on_demand import DayScores, FeatureReader, check_fit, score_features, why_not_eligible
from ml.scoring import score
from ml.tables import prepare_tables
from tests.ml.makers import AS_OF
from warehouse.definitions import Definition
from warehouse.errors import ContractBreach

THEMES = {"paid_orders_90d": "frequency"}
DEFINITION = Definition("paid_order_90d", "paid_order", 90, 180, 2, None, True, "no paid order in 90 days")


def daily_scores(build, model):
    prepare_tables(build)
    score(build, as_of_date=AS_OF, model=model, run_id="daily", themes=THEMES)
    return build.execute("select * from ml.churn_scores order by user_id").df()


def test_one_user_alone_gets_the_score_of_the_day(build, outcome):
    daily = daily_scores(build, outcome.model)
    build.execute(f"delete from {FEATURE_TABLE} where as_of_date <> ?", [AS_OF])
    frame = FeatureReader(dict(table_schema(build))).read(build).sort_values("user_id", ignore_index=True)
    pd.testing.assert_frame_equal(frame, load_features(build, AS_OF))
    day = DayScores.of(daily["churn_probability"].to_numpy())
    assert len(frame) == len(daily) > 50
    for place in range(0, 50, 7):
        alone = frame.iloc[[place]].reset_index(drop=True)
        found = score_features(alone, outcome.model, THEMES, day, "on demand")
        expected = daily.iloc[place]
        assert found["user_id"].tolist() == [expected["user_id"]]
        assert found["churn_probability"][0] == pytest.approx(expected["churn_probability"], abs=1e-9, rel=0)
        assert found["reason_1_code"][0] == expected["reason_1_code"]
        assert found["churn_percentile"][0] == pytest.approx(expected["churn_percentile"], abs=2)
        assert found["run_id"][0] == "on demand"


def test_places_run_from_the_lowest_to_the_highest():
    day = DayScores.of(np.array([0.4, 0.1, 0.3, 0.2, 0.2]))
    percentile, decile = day.place(np.array([0.0, 0.1, 0.2, 0.35, 0.4, 1.0]))
    assert percentile.tolist() == [20.0, 20.0, 60.0, 80.0, 100.0, 100.0]
    assert decile.tolist() == [2, 2, 6, 8, 10, 10]


def test_a_day_without_scores_places_nobody():
    with pytest.raises(ContractBreach, match="has no scores"):
        DayScores.of(np.array([]))


def test_features_that_the_model_does_not_read_so_are_refused(outcome):
    fitting = {one.name: "DOUBLE" for one in outcome.model.contract.features if one.kind == "numeric"}
    fitting |= {one.name: "VARCHAR" for one in outcome.model.contract.features if one.kind == "categorical"}
    fitting |= {one.name: "BOOLEAN" for one in outcome.model.contract.features if one.kind == "boolean"}
    check_fit(fitting, outcome.model)
    first = next(iter(fitting))
    with pytest.raises(ContractBreach, match=f"{first} is missing"):
        check_fit({name: kind for name, kind in fitting.items() if name != first}, outcome.model)
    numeric = next(name for name, kind in fitting.items() if kind == "DOUBLE")
    with pytest.raises(ContractBreach, match=f"{numeric} is VARCHAR, not numeric"):
        check_fit({**fitting, numeric: "VARCHAR"}, outcome.model)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (None, "last 365 days"),
        ({"days_since_last_paid_order": None, "paid_days_lifetime": 0}, "no paid order yet"),
        ({"days_since_last_paid_order": 180, "paid_days_lifetime": 9}, "180 days old"),
        ({"days_since_last_paid_order": 3, "paid_days_lifetime": 1}, "with 2 to any number of such days"),
    ],
)
def test_who_is_not_asked_about_is_told_why(row, told):
    assert told in why_not_eligible(row, DEFINITION)
