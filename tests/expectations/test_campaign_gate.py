"""The gate over campaigns passes what may be done, and closes on everything that may not."""

import pytest

from expectations.gate import run_gate
from tests.expectations.clean_shop import DAY, TIERS, Shop, spoiled_gate
from warehouse.errors import GateFailure
from warehouse.settings import REPOSITORY

SEEDS = REPOSITORY / "dbt_project" / "seeds"
ELIGIBILITY = "campaigns.campaign_eligibility"
ACTIONS = "campaigns.campaign_actions"
CONTAMINATION = "campaigns.campaign_contamination"

# 100 scored users meet five campaigns; the first twenty get a recommendation, three of them are held out
CAMPAIGN_ROWS = f"""
create schema campaigns; create schema seeds;
create table seeds.campaign_policy as from read_csv('{SEEDS}/campaign_policy.csv', header = true);
create table seeds.offers as from read_csv('{SEEDS}/offers.csv', header = true);
create table {ELIGIBILITY} as
select as_of_date, user_id, campaign_id, experiment_id, campaign_id = 'recommendation' as is_eligible
from {TIERS} cross join seeds.campaign_policy
where as_of_date = date '{DAY}' and experiment_id <> 'global_control';
create table ml.action_choices as
select as_of_date, user_id, campaign_id, 'run-{DAY}' as run_id from {ELIGIBILITY}
where is_eligible and replace(user_id, 'u', '')::int < 20;
create table {ACTIONS} as
select
    as_of_date, user_id, campaign_id, 'recommendation_1' as experiment_id,
    case when replace(user_id, 'u', '')::int < 3 then 'holdout' else 'treatment' end as arm,
    0.15::double as holdout_share, 'recommendation' as action, 'picks_for_you' as offer_id,
    'email' as channel, 0.02::double as cost, run_id
from ml.action_choices;
create table control.campaign_assignments (
    experiment_id varchar, campaign_id varchar, user_id varchar, arm varchar, assigned_on date
);
insert into control.campaign_assignments values
    ('recommendation_1', 'recommendation', 'u1', 'holdout', date '{DAY}' - 40),
    ('global_control', 'global_control', 'u99', 'global_control', date '{DAY}' - 40),
    ('win_back_coupon_1', 'win_back_coupon', 'u98', 'holdout', date '{DAY}' - 5),
    ('win_back_coupon_1', 'win_back_coupon', 'u5', 'holdout', date '{DAY}' - 30);
create table control.campaign_contacts (as_of_date date, campaign_id varchar, cost double, state varchar);
create table {CONTAMINATION} as
select
    date '{DAY}' as as_of_date, experiment_id, 3::bigint as users_protected, 0::bigint as users_reached
from seeds.campaign_policy
"""


@pytest.fixture
def campaigns(shop: Shop) -> Shop:
    shop.spoil(CAMPAIGN_ROWS)
    return shop


def passes(shop: Shop) -> None:
    report = run_gate(shop.settings, shop.ledger, shop.run, "campaigns", [DAY], write_docs=False)
    assert report.failures == ()
    assert len(report.results) >= 7


def test_clean_campaigns_pass(campaigns: Shop) -> None:
    passes(campaigns)


def test_a_day_on_which_nobody_is_chosen_passes(campaigns: Shop) -> None:
    campaigns.spoil("delete from ml.action_choices", f"delete from {ACTIONS}")
    passes(campaigns)


def test_a_day_without_enabled_campaigns_passes(campaigns: Shop) -> None:
    campaigns.spoil("delete from ml.action_choices", f"delete from {ACTIONS}", f"delete from {ELIGIBILITY}")
    with pytest.raises(GateFailure, match="everybody_scored_met_every_campaign"):
        run_gate(campaigns.settings, campaigns.ledger, campaigns.run, "campaigns", [DAY], write_docs=False)
    campaigns.spoil("update seeds.campaign_policy set is_enabled = false")
    passes(campaigns)


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (f"delete from {ELIGIBILITY} where user_id = 'u7'", "everybody_scored_met_every_campaign"),
        (f"insert into {ACTIONS} from {ACTIONS} where user_id = 'u7'", "a_user_gets_one_action_a_day"),
        (
            f"update {ELIGIBILITY} set is_eligible = false where user_id = 'u7'",
            "only_eligible_users_are_chosen",
        ),
        (f"delete from {ACTIONS} where user_id = 'u7'", "whoever_is_chosen_has_an_action"),
        (f"update {ACTIONS} set arm = null where user_id = 'u7'", "every_action_has_an_arm"),
        (f"update {ACTIONS} set arm = 'global_control' where user_id = 'u7'", "every_action_has_an_arm"),
        (
            "update control.campaign_assignments set user_id = 'u7' where arm = 'global_control'",
            "the_global_control_is_left_alone",
        ),
        (f"update {ACTIONS} set arm = 'treatment' where user_id = 'u1'", "a_recorded_arm_stays"),
        (
            "update control.campaign_assignments set user_id = 'u7' where user_id = 'u98'",
            "a_holdout_is_left_alone_by_other_campaigns",
        ),
        (f"update {ACTIONS} set cost = 'nan' where user_id = 'u7'", "every_action_has_a_cost"),
        (f"update {ACTIONS} set cost = 100", "a_day_stays_within_its_budget"),
        (
            "insert into control.campaign_contacts values "
            f"(date '{DAY}' - 1, 'recommendation', 20001, 'sent')",
            "a_campaign_stays_within_its_budget",
        ),
        (
            f"update {ACTIONS} set offer_id = 'coupon_20' where user_id = 'u7'",
            "offers_come_from_the_seed",
        ),
        (
            "update seeds.offers set face_value = -1 where offer_id = 'picks_for_you'",
            "offers_come_from_the_seed",
        ),
        (f"update {CONTAMINATION} set users_reached = null", "whoever_was_reached_is_counted"),
        (
            f"delete from {CONTAMINATION} where experiment_id = 'global_control'",
            "every_experiment_was_looked_at",
        ),
        (f"delete from {CONTAMINATION}", "every_experiment_was_looked_at"),
        ("delete from seeds.campaign_policy", "every_experiment_was_looked_at"),
    ],
)
def test_what_may_not_be_done_closes_the_gate(campaigns: Shop, statement: str, rule: str) -> None:
    message, failed = spoiled_gate(campaigns, "campaigns", statement)
    assert rule in {name for name, _ in failed}
    assert "To do" in message or "to do" in message.lower()


def test_what_reached_somebody_long_ago_does_not_keep_the_list_back_for_ever(campaigns: Shop) -> None:
    campaigns.spoil(f"update {CONTAMINATION} set users_reached = 1 where experiment_id = 'service_call_1'")
    passes(campaigns)


@pytest.mark.parametrize("table", [ELIGIBILITY, ACTIONS, CONTAMINATION, "ml.action_choices", "seeds.offers"])
def test_a_table_that_is_not_there_closes_the_gate(campaigns: Shop, table: str) -> None:
    campaigns.spoil(f"drop table {table}")
    with pytest.raises(GateFailure, match=f"no table {table}"):
        run_gate(campaigns.settings, campaigns.ledger, campaigns.run, "campaigns", [DAY], write_docs=False)


def test_costs_may_differ_from_the_expected_by_chance_alone(campaigns: Shop) -> None:
    """A day's budget is kept in expectation: three treated where two were expected close nothing."""
    campaigns.spoil(
        f"update {ACTIONS} set cost = 0.001",
        f"update {ACTIONS} set cost = 200, arm = 'treatment', holdout_share = 0.3 "
        "where user_id in ('u10', 'u11', 'u12')",
    )
    passes(campaigns)
