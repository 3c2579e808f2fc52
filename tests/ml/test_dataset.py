from datetime import date, timedelta

import pytest

from ml.dataset import first_data_day, load_snapshots, load_themes, snapshots_built
from tests.ml.makers import BUILD_FEATURES, FIRST_DAY, HORIZON, PLAN, TRAINED_AS_OF, make_rows
from warehouse.errors import ContractBreach

DAY = PLAN.production[0]


def load(connection, days, **changes):
    options = {"horizon_days": HORIZON, "label_known_on": TRAINED_AS_OF, **changes}
    return load_snapshots(connection, days, **options)


def test_eligible_users_come_with_features_and_labels(build):
    found = load(build, PLAN.snapshots)
    assert found.features == BUILD_FEATURES
    assert set(found.frame["as_of_date"]) == set(PLAN.snapshots)
    assert found.counts()[str(DAY)] == {"rows": 800, "churned": int(make_rows(DAY, 800)["churned"].sum())}
    assert "gone" not in set(found.frame["user_id"])
    assert found.frame["paid_orders_90d"].dtype == "float64"


def test_snapshots_that_were_not_built_are_named(build):
    with pytest.raises(ContractBreach, match="2024-01-31"):
        load(build, [DAY, date(2024, 1, 31)])


def test_an_eligible_user_without_a_label_is_named(build):
    build.execute("delete from features.training_labels where user_id = 'u00003' and as_of_date = ?", [DAY])
    with pytest.raises(ContractBreach, match="u00003"):
        load(build, [DAY])


def test_two_labels_for_one_user_are_refused(build):
    build.execute(
        "insert into features.training_labels select * from features.training_labels "
        "where user_id = 'u00003' and as_of_date = ?",
        [DAY],
    )
    with pytest.raises(ContractBreach, match="training_labels holds 1 users twice"):
        load(build, [DAY])


def test_labels_as_known_on_another_day_are_not_read(build):
    with pytest.raises(ContractBreach, match="no label"):
        load(build, [DAY], label_known_on=TRAINED_AS_OF + timedelta(days=7))


def test_a_sample_holds_the_same_users_in_every_snapshot(build):
    found = load(build, PLAN.snapshots, rows_at_most=1000)
    users = found.frame.groupby("as_of_date")["user_id"].agg(frozenset)
    assert users.nunique() == 1
    assert found.rows_available == 800 * len(PLAN.snapshots)
    assert 0.5 * 1000 < len(found.frame) < 1.5 * 1000


def test_the_first_day_and_the_days_built_are_found(build):
    assert first_data_day(build, TRAINED_AS_OF) == FIRST_DAY
    assert first_data_day(build, date(2023, 1, 1)) is None
    assert set(PLAN.snapshots) <= snapshots_built(build)


def test_themes_come_from_the_seed(tmp_path):
    seed = tmp_path / "reason_texts.csv"
    seed.write_text("theme,sentence_zh,reason_code\nfrequency,近 30 天,paid_orders_30d\n", encoding="utf-8")
    assert load_themes(seed) == {"paid_orders_30d": "frequency"}
