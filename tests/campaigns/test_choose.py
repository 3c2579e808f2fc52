"""One campaign per user and day, within every cap: as learnt, else in the order of the seed."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from campaigns.choose import choose_actions
from ml.tables import ACTION_CHOICE_COLUMNS
from warehouse.connections import open_build
from warehouse.errors import ContractBreach
from warehouse.ledger import Run
from warehouse.settings import REPOSITORY, Settings

DAY = date(2026, 6, 30)
SEEDS = ("campaign_policy", "offers", "contact_policy", "country_time_zones")
# campaigns of the project's seed, by priority
CALL, COUPON, PICKS = "service_call", "win_back_coupon", "recommendation"
ELIGIBILITY = (
    "as_of_date date, user_id varchar, campaign_id varchar, is_eligible boolean, channel varchar, "
    "holdout_share double, expected_net_value double, expected_cost double, policy_mode varchar, "
    "churn_probability double, value_if_staying double"
)
CONTACTS = "user_id varchar, campaign_id varchar, as_of_date date, state varchar, cost double"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A build file with nobody in it, and seeds of its own with no minimum audience."""
    project = tmp_path / "dbt_project"
    (project / "seeds").mkdir(parents=True)
    for seed in SEEDS:
        shutil.copy(REPOSITORY / "dbt_project" / "seeds" / f"{seed}.csv", project / "seeds")
    monkeypatch.setattr(Settings, "dbt_project", property(lambda _settings: project))
    settings = Settings.from_environment({"HOLDFAST_HOME": str(tmp_path), "HOLDFAST_SOURCE": "sample_shop"})
    settings.build_file.parent.mkdir(parents=True)
    with open_build(settings) as connection:
        connection.execute("create schema campaigns; create schema control")
        connection.execute(f"create table campaigns.campaign_eligibility ({ELIGIBILITY})")
        connection.execute(f"create table control.campaign_contacts ({CONTACTS})")
    opened = SimpleNamespace(settings=settings, seeds=project / "seeds")
    policy(opened, CALL, minimum_audience="0")
    policy(opened, COUPON, minimum_audience="0")
    policy(opened, PICKS, minimum_audience="0")
    yield opened


def policy(shop: SimpleNamespace, key: str, seed: str = "campaign_policy", **changed: str) -> None:
    """Change values of one line of a seed."""
    path = shop.seeds / f"{seed}.csv"
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    columns = header.split(",")
    found = 0
    for number, line in enumerate(lines):
        values = line.split(",")
        if values[0] == key:
            for column, value in changed.items():
                values[columns.index(column)] = value
            lines[number] = ",".join(values)
            found += 1
    assert found == 1
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def eligible(shop: SimpleNamespace, user: str, campaign: str, **own: Any) -> None:
    """Add one row of the day's eligibility."""
    row = {
        "as_of_date": DAY,
        "user_id": user,
        "campaign_id": campaign,
        "is_eligible": True,
        "channel": "call" if campaign == CALL else "email",
        "holdout_share": 0.5,
        "expected_net_value": 1.0,
        "expected_cost": 1.0,
        "policy_mode": "seed",
        "churn_probability": 0.5,
        "value_if_staying": 100.0,
        **own,
    }
    insert(shop, "campaigns.campaign_eligibility", row)


def insert(shop: SimpleNamespace, table: str, row: dict[str, Any]) -> None:
    with open_build(shop.settings) as connection:
        places = ", ".join("?" for _ in row)
        connection.execute(f"insert into {table} ({', '.join(row)}) values ({places})", list(row.values()))


def choose(shop: SimpleNamespace, day: date = DAY, epoch: int = 1) -> Any:
    run = Run(
        run_id=f"{day}-{epoch}",
        epoch=epoch,
        kind="score",
        source="sample_shop",
        as_of_date=day,
        status="running",
        trigger="scheduled",
        started_at=datetime(2026, 7, 1, tzinfo=UTC),
    )
    return choose_actions(shop.settings, run, day)


def chosen(shop: SimpleNamespace, day: date = DAY) -> list[tuple[str, str]]:
    with open_build(shop.settings) as connection:
        return connection.execute(
            "select user_id, campaign_id from ml.action_choices where as_of_date = ? order by choice_rank",
            [day],
        ).fetchall()


def test_learned_users_are_chosen_by_value_and_those_better_left_alone_are_left_alone(shop):
    policy(shop, COUPON, daily_capacity="1")
    for user, value in (("a", 3.0), ("b", 5.0), ("c", 4.0), ("disturbed", -2.0), ("indifferent", 0.0)):
        eligible(shop, user, COUPON, policy_mode="learned", expected_net_value=value, churn_probability=0.1)
    choices = choose(shop)
    assert chosen(shop) == [("b", COUPON), ("c", COUPON)]
    [told] = choices.campaigns
    assert (told.policy_mode, told.users_eligible, told.users_chosen) == ("learned", 5, 2)
    assert told.expected_net_value == 4.5
    assert choices.users_chosen == 2


def test_seed_campaigns_are_filled_by_priority_then_by_risk_then_by_worth(shop):
    policy(shop, CALL, daily_capacity="1")
    eligible(shop, "less at risk", CALL, churn_probability=0.6)
    eligible(shop, "poor", CALL, churn_probability=0.9, value_if_staying=10.0)
    eligible(shop, "rich", CALL, churn_probability=0.9, value_if_staying=500.0)
    eligible(shop, "rich", COUPON, churn_probability=0.9, value_if_staying=500.0)
    eligible(shop, "less at risk", COUPON, churn_probability=0.6)
    choose(shop)
    assert chosen(shop) == [("rich", CALL), ("poor", CALL), ("less at risk", COUPON)]


def test_capacity_counts_the_users_who_are_treated(shop):
    policy(shop, CALL, daily_capacity="3")
    for number in range(20):
        eligible(shop, f"u{number:02}", CALL, holdout_share=0.4, churn_probability=1 - number / 100)
    choose(shop)
    # 3 / (1 - .4) = 5
    assert [user for user, _ in chosen(shop)] == [f"u{number:02}" for number in range(5)]


def test_a_channel_is_shared_by_the_campaigns_that_use_it(shop):
    policy(shop, "email", seed="contact_policy", daily_capacity="1")
    eligible(shop, "a", COUPON)
    eligible(shop, "b", COUPON)
    eligible(shop, "c", PICKS)
    eligible(shop, "d", PICKS, channel="push")
    choose(shop)
    assert chosen(shop) == [("a", COUPON), ("b", COUPON), ("d", PICKS)]


def test_no_more_is_spent_than_is_left_of_the_budget(shop):
    policy(shop, COUPON, budget="10", budget_per_day="10")
    for number in range(20):
        eligible(shop, f"u{number:02}", COUPON, expected_cost=2.0)
    before = {"user_id": "x", "campaign_id": COUPON, "as_of_date": DAY - timedelta(days=1)}
    for state, cost in (("sent", 4.0), ("held", 1.0), ("unknown", 1.0), ("cancelled", 99.0), ("dead", 99.0)):
        insert(shop, "control.campaign_contacts", {**before, "state": state, "cost": cost})
    insert(shop, "control.campaign_contacts", {**before, "campaign_id": PICKS, "state": "sent", "cost": 9.0})
    [told] = choose(shop).campaigns
    # 4 are left; a chosen user costs half of 2
    assert (told.users_chosen, told.expected_cost) == (4, 4.0)


def test_a_day_spends_no_more_than_its_own_budget(shop):
    policy(shop, COUPON, budget="1000", budget_per_day="3")
    for number in range(20):
        eligible(shop, f"u{number:02}", COUPON, expected_cost=2.0)
    assert choose(shop).users_chosen == 3


def test_what_the_day_itself_spent_before_does_not_count_when_it_is_run_again(shop):
    policy(shop, COUPON, budget="2", budget_per_day="2")
    for number in range(9):
        eligible(shop, f"u{number:02}", COUPON, expected_cost=1.0)
    choose(shop)
    before = chosen(shop)
    assert len(before) == 4
    for user, campaign in before:
        row = {"user_id": user, "campaign_id": campaign, "as_of_date": DAY, "state": "sent", "cost": 1.0}
        insert(shop, "control.campaign_contacts", row)
    choose(shop, epoch=2)
    assert chosen(shop) == before


def test_a_campaign_below_its_minimum_rests_with_the_reason_and_its_users_go_to_the_next(shop):
    policy(shop, COUPON, minimum_audience="3", maximum_audience="100")
    eligible(shop, "a", COUPON)
    eligible(shop, "b", COUPON)
    eligible(shop, "a", PICKS)
    choices = choose(shop)
    assert chosen(shop) == [("a", PICKS)]
    dropped = {one.campaign_id: one.dropped for one in choices.campaigns}
    assert dropped == {COUPON: "2 users are fewer than its minimum audience of 3", PICKS: ""}


def test_at_most_the_maximum_audience_is_chosen(shop):
    policy(shop, COUPON, maximum_audience="2")
    for user in "abcd":
        eligible(shop, user, COUPON, policy_mode="learned")
    assert choose(shop).users_chosen == 2


def test_learned_campaigns_choose_before_the_seeds_and_nobody_is_chosen_twice(shop):
    eligible(shop, "a", CALL)
    eligible(shop, "a", PICKS, policy_mode="learned", expected_net_value=0.5)
    eligible(shop, "b", CALL)
    eligible(shop, "b", PICKS, policy_mode="learned", expected_net_value=-0.5)
    choose(shop)
    assert chosen(shop) == [("a", PICKS), ("b", CALL)]


def test_who_the_model_of_a_learned_campaign_did_not_score_is_left_alone_by_it(shop):
    eligible(shop, "a", PICKS, policy_mode="learned")
    eligible(shop, "b", PICKS)
    choose(shop)
    assert chosen(shop) == [("a", PICKS)]


def test_who_is_not_eligible_is_never_chosen(shop):
    eligible(shop, "a", COUPON, is_eligible=False, expected_net_value=None)
    eligible(shop, "b", COUPON, as_of_date=DAY - timedelta(days=1))
    choices = choose(shop)
    assert chosen(shop) == []
    assert choices.users_chosen == 0


def test_the_choice_is_the_same_whatever_the_arms_are(shop):
    policy(shop, COUPON, daily_capacity="5")
    for number in range(40):
        eligible(shop, f"u{number:02}", COUPON, churn_probability=number / 40)
    choose(shop)
    before = chosen(shop)
    assert len(before) == 10
    with open_build(shop.settings) as connection:
        connection.execute(
            "create or replace table control.campaign_assignments as select user_id, campaign_id, "
            "'win_back_coupon_1' as experiment_id, 'holdout' as arm from campaigns.campaign_eligibility"
        )
    choose(shop, epoch=2)
    assert chosen(shop) == before


def test_a_rerun_replaces_the_day_and_nothing_else(shop):
    eligible(shop, "old", COUPON, as_of_date=DAY - timedelta(days=1))
    eligible(shop, "a", COUPON)
    choose(shop, DAY - timedelta(days=1))
    choose(shop)
    choose(shop, epoch=2)
    with open_build(shop.settings) as connection:
        rows = connection.execute("select * from ml.action_choices order by as_of_date").fetchall()
        columns = [column[0] for column in connection.description]
    assert columns == list(ACTION_CHOICE_COLUMNS)
    assert rows == [
        (DAY - timedelta(days=1), "old", COUPON, 1.0, "seed", 1, f"{DAY - timedelta(days=1)}-1"),
        (DAY, "a", COUPON, 1.0, "seed", 1, f"{DAY}-2"),
    ]


def test_the_order_of_the_rows_does_not_matter(shop):
    policy(shop, COUPON, daily_capacity="4")
    users = [f"u{number:02}" for number in range(30)]
    for user in users:
        eligible(shop, user, COUPON, policy_mode="learned", expected_net_value=1.0 + int(user[1:]) % 5)
    choose(shop)
    before = chosen(shop)
    assert len(before) == 8
    with open_build(shop.settings) as connection:
        connection.execute(
            "create or replace table campaigns.campaign_eligibility as "
            "select * from campaigns.campaign_eligibility order by hash(user_id)"
        )
    choose(shop, epoch=2)
    assert chosen(shop) == before


def test_a_day_that_is_not_built_is_refused(shop):
    with pytest.raises(ContractBreach, match="holds nothing of 2026-06-30"):
        choose(shop)
    with open_build(shop.settings) as connection:
        connection.execute("drop table campaigns.campaign_eligibility")
    with pytest.raises(ContractBreach, match="is not built"):
        choose(shop)


def test_an_eligible_user_without_a_value_is_refused(shop):
    eligible(shop, "a", COUPON, expected_net_value=None)
    with pytest.raises(ContractBreach, match="value of an option is not a number"):
        choose(shop)
