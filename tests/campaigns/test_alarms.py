"""Experiments that are spoiled raise an alarm that says which, and how much."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from campaigns.alarms import campaign_alarms
from warehouse.settings import Settings

DAY = date(2026, 6, 29)
TABLES = f"""
create schema campaigns;
create table campaigns.campaign_contamination as
    select * from (values
        (date '{DAY}', 'coupon_1', 20, 0, 0),
        (date '{DAY}', 'call_1', 30, 2, 3),
        (date '{DAY}' - 1, 'coupon_1', 20, 5, 5)
    ) as rows (as_of_date, experiment_id, users_protected, users_reached, contacts);
create table campaigns.campaign_sample_ratio as
    select * from (values
        (date '{DAY}', 'coupon_1', 100, 101.5, 0.7, false),
        (date '{DAY}', 'call_1', 450, 500.0, 0.0002, true),
        (date '{DAY}' - 1, 'coupon_1', 1, 90.0, 0.0001, true)
    ) as rows (
        as_of_date, experiment_id, users_held_out, expected_held_out, p_value, is_read_out_stopped
    );
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path, source="sample_shop", ledger_url="sqlite:///unused")
    made.build_file.parent.mkdir(parents=True)
    with duckdb.connect(made.build_file) as connection:
        connection.execute(TABLES)
    return made


def test_contamination_and_arms_of_the_wrong_size_are_told_of_their_day(settings: Settings) -> None:
    contamination, ratio = campaign_alarms(settings, DAY)
    assert (contamination.kind, contamination.subject) == ("contamination", "call_1")
    assert contamination.message == "2 of 30 users who must be left alone were reached, by 3 contacts."
    assert (ratio.kind, ratio.subject) == ("sample_ratio", "call_1")
    assert ratio.message.startswith("450 users are held out where 500 were drawn (p = 0.0002)")


def test_a_day_without_faults_raises_nothing(settings: Settings) -> None:
    assert campaign_alarms(settings, date(2026, 7, 1)) == []
