from datetime import date, timedelta

import pytest
import yaml

from ml.calendar import SNAPSHOT_STEP_DAYS, plan_snapshots, snapshots_needed, training_date
from warehouse.settings import REPOSITORY


def test_models_are_trained_on_sundays():
    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(14)]
    assert {training_date(day).weekday() for day in days} == {6}
    assert all(0 <= (day - training_date(day)).days <= 6 for day in days)


@pytest.mark.parametrize("horizon", [30, 60, 90])
def test_every_label_is_complete_when_it_is_read(horizon):
    trained_as_of = date(2025, 6, 1)
    plan = plan_snapshots(trained_as_of, horizon, date(2023, 1, 1))
    window = timedelta(days=horizon)
    assert len(plan.training) == len(plan.production) == 6
    assert all(day + window <= trained_as_of for day in plan.production)
    assert plan.test is not None
    assert all(day + window <= plan.test for day in plan.training)


def test_no_snapshot_stands_on_too_little_history():
    plan = plan_snapshots(date(2011, 9, 4), 90, date(2010, 12, 1))
    assert plan.training == (date(2011, 3, 8), date(2011, 2, 8))
    assert min(plan.snapshots) - date(2010, 12, 1) >= timedelta(days=55)


def test_a_history_too_short_for_a_test_still_gives_snapshots_to_learn_from():
    plan = plan_snapshots(date(2011, 7, 10), 90, date(2010, 12, 1))
    assert plan.test is None
    assert plan.training == ()
    assert len(plan.production) == 3
    assert "compared on other users" in plan.reason


def test_a_history_too_short_to_learn_from_says_so():
    plan = plan_snapshots(date(2011, 1, 30), 90, date(2010, 12, 1))
    assert plan.snapshots == snapshots_needed(date(2011, 1, 30), 90, date(2010, 12, 1)) == []
    assert "61 days of data" in plan.reason


def test_labels_are_made_for_the_same_grid_of_snapshots():
    project = yaml.safe_load((REPOSITORY / "dbt_project" / "dbt_project.yml").read_text(encoding="utf-8"))
    assert project["vars"]["label_step_days"] == SNAPSHOT_STEP_DAYS
