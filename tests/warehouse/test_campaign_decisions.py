"""Who may be chosen for which campaign, and why not: built by dbt, for real, over a few users."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from campaigns.arms import bucket
from campaigns.policy import load_policy
from tests.warehouse.campaign_makers import (
    DAY,
    choose,
    consent,
    contacted,
    decide,
    eligibility,
    insert,
    prepare_decisions,
    score,
)
from tests.warehouse.dbt_makers import Row, Shop
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.settings import REPOSITORY

POLICY = load_policy(REPOSITORY / "dbt_project")
CAMPAIGNS = set(POLICY.campaigns)
ELIGIBILITY = "campaigns.campaign_eligibility"
CONTROL = POLICY.global_control
WANTED = ("email", "sms", "push", "call")


def is_untouched(user: str) -> bool:
    return bucket(CONTROL.salt, CONTROL.experiment_id, user) < CONTROL.holdout_share


def names(prefix: str, number: int) -> list[str]:
    """Return names of users who are not in the global control."""
    found = [name for i in range(2 * number) if not is_untouched(name := f"{prefix}{i}")]
    return found[:number]


USUAL, LET_DOWN, NEW = names("usual", 40), names("let_down", 25), names("new", 25)
UNTOUCHED = next(name for i in range(1000) if is_untouched(name := f"untouched{i}"))
COMPLAINT: Row = {
    "is_last_complaint_unanswered": True,
    "days_since_last_complaint": 3,
    "net_amount_365d": 900.0,
}
ONES: dict[str, Row] = {
    UNTOUCHED: {},
    "at_low_risk": {"churn_probability": 0.1},
    "silent": {},
    "blocked": {},
    "unsubscribed": {},
    "objecting": {},
    "just_mailed": {},
    "had_a_coupon": {},
    "treated_before": {},
    "held_out": {},
    "reads_push": {},
    "in_new_york": {"country": "USA", "language": "en-US"},
}


def users() -> dict[str, Row]:
    return {
        **{user: {} for user in USUAL},
        **{user: dict(COMPLAINT) for user in LET_DOWN},
        **{user: {"days_since_first_paid_order": 10, "days_since_last_paid_order": 10} for user in NEW},
        **ONES,
    }


def deliver(shop: Shop) -> None:
    """Deliver consents, and what the ledger remembers of earlier days."""
    granted: Mapping[str, tuple[str, ...]] = {user: WANTED for user in users() if user != "silent"}
    consent(shop, granted | {"objecting": WANTED})
    long_ago = date(2026, 1, 2)
    shop.deliver(
        DAY - timedelta(days=1),
        consents=[{"user_id": "objecting", "purpose": "profiling", "changed_at": long_ago, "granted": False}],
        campaign_touches=[
            {
                "touch_id": "t1",
                "user_id": "reads_push",
                "channel": "push",
                "sent_at": "2026-06-01 02:00:00",
                "opened_at": "2026-06-01 03:00:00",
            }
        ],
    )
    run_dbt(
        shop.settings,
        ["run", "--quiet", "--select", "stg_sample_shop__consents", "stg_sample_shop__campaign_touches"],
        dbt_vars(shop.settings, [DAY]),
    )
    insert(
        shop,
        "control.contact_blocks",
        [
            {"user_id": "blocked", "purpose": "any", "reason": "do_not_contact"},
            {"user_id": "unsubscribed", "purpose": "email", "reason": "unsubscribed"},
        ],
    )
    insert(
        shop,
        "control.campaign_contacts",
        [
            contacted("just_mailed", 10),
            contacted("had_a_coupon", 40 * 24, action="coupon", offer_id="coupon_20"),
        ],
    )
    insert(
        shop,
        "control.campaign_assignments",
        [
            _assigned("treated_before", "recommendation", "treatment", days=7),
            _assigned("held_out", "recommendation", "holdout", days=7),
        ],
    )


def _assigned(user: str, campaign_id: str, arm: str, *, days: int) -> Row:
    campaign = POLICY.campaign(campaign_id)
    return {
        "experiment_id": campaign.experiment_id,
        "campaign_id": campaign_id,
        "user_id": user,
        "arm": arm,
        "stratum": "high/low",
        "holdout_share": 0.3,
        "salt": campaign.salt,
        "assigned_on": DAY - timedelta(days=days),
        "run_id": "earlier",
    }


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A decided day, with every dbt test of the data and of the SQL."""
    shop = Shop(tmp_path_factory.mktemp("campaigns"))
    prepare_decisions(shop)
    score(shop, users())
    deliver(shop)
    decide(shop, tests=True)
    return shop


@pytest.fixture(scope="module")
def reasons(shop: Shop) -> dict[tuple[str, str], Any]:
    return eligibility(shop, "suppression_reason")


def test_everybody_meets_every_campaign(reasons: dict[tuple[str, str], Any]) -> None:
    assert len(reasons) == len(users()) * len(CAMPAIGNS)
    assert {campaign for _, campaign in reasons} == CAMPAIGNS


@pytest.mark.parametrize(
    ("user", "campaign", "reason"),
    [
        (USUAL[0], "recommendation", None),
        (USUAL[0], "win_back_coupon", None),
        (USUAL[0], "service_call", "not_in_audience"),
        (USUAL[0], "education", "not_in_audience"),
        (NEW[0], "education", None),
        (LET_DOWN[0], "service_call", None),
        (LET_DOWN[0], "win_back_coupon", "excluded_by_reason"),
        (UNTOUCHED, "recommendation", "global_control"),
        ("at_low_risk", "recommendation", "not_in_audience"),
        ("silent", "recommendation", "no_consent"),
        ("blocked", "recommendation", "do_not_contact"),
        ("unsubscribed", "recommendation", None),
        ("objecting", "recommendation", "objected_to_profiling"),
        ("just_mailed", "recommendation", "contacted_recently"),
        ("had_a_coupon", "win_back_coupon", "coupon_cool_down"),
        ("had_a_coupon", "recommendation", None),
        ("treated_before", "recommendation", "in_experiment"),
        ("treated_before", "win_back_coupon", None),
        ("held_out", "recommendation", "in_experiment"),
        ("held_out", "win_back_coupon", "held_out"),
    ],
)
def test_the_first_reason_against_a_campaign_is_told(
    reasons: dict[tuple[str, str], Any], user: str, campaign: str, reason: str | None
) -> None:
    assert reasons[(user, campaign)] == reason


def test_too_few_users_are_no_audience(reasons: dict[tuple[str, str], Any]) -> None:
    """Community asks for medium risk and low value: nobody here; nobody is eligible."""
    assert {reason for (_, campaign), reason in reasons.items() if campaign == "community"} >= {
        "not_in_audience"
    }


def test_channel_language_and_hour_are_the_users_own(shop: Shop) -> None:
    found = eligibility(shop, "channel", "language", "time_zone", "preferred_hour")
    usual, push, away = (found[(user, "recommendation")] for user in (USUAL[0], "reads_push", "in_new_york"))
    assert usual == ("email", "zh", "Asia/Shanghai", 10)
    assert push[0] == "push"
    assert away == ("email", "en", "America/New_York", 10)
    assert found[("unsubscribed", "recommendation")][0] == "push"


def test_value_and_cost_follow_from_the_seeds(shop: Shop) -> None:
    coupon = POLICY.campaign("win_back_coupon")
    offer = POLICY.offers[coupon.offer_id]
    cost = POLICY.contacts["email"].contact_cost + offer.face_value * offer.expected_redemption_share
    ((margin,),) = shop.rows("select gross_margin_rate from seeds.shop_economics")
    found = eligibility(shop, "expected_cost", "expected_net_value", "policy_mode")
    expected = (cost, 0.9 * 50.0 * coupon.assumed_save_rate * float(margin) - cost)
    assert found[(USUAL[0], "win_back_coupon")] == (*(pytest.approx(x) for x in expected), "seed")


def test_few_users_are_held_out_more(shop: Shop) -> None:
    shares = set(eligibility(shop, "holdout_share").values())
    assert shares == {POLICY.campaign("recommendation").small_stratum_holdout_share}


def test_a_day_decided_again_is_decided_alike_whatever_came_of_it(shop: Shop) -> None:
    """What the day itself recorded and sent, and what later days did, counts for nothing in a rerun."""
    before = shop.digest(ELIGIBILITY)
    insert(shop, "control.campaign_contacts", [contacted(USUAL[0], -1, as_of_date=DAY)])
    insert(shop, "control.campaign_assignments", [_assigned(USUAL[0], "recommendation", "holdout", days=0)])
    decide(shop)
    assert shop.digest(ELIGIBILITY) == before
    shop.write(
        f"delete from control.campaign_contacts where as_of_date = '{DAY}';"
        f"delete from control.campaign_assignments where assigned_on = '{DAY}'"
    )


def test_what_was_learnt_takes_the_place_of_what_was_assumed(shop: Shop) -> None:
    insert(
        shop,
        "ml.uplift_scores",
        [
            {
                "as_of_date": day,
                "user_id": USUAL[0],
                "campaign_id": "recommendation",
                "uplift_probability": 0.1,
                "uplift_margin": margin,
                "model_version": "uplift-1",
            }
            for day, margin in ((DAY, 4.5), (DAY - timedelta(days=1), 99.0))
        ],
    )
    decide(shop)
    found = eligibility(shop, "expected_net_value", "policy_mode")
    assert found[(USUAL[0], "recommendation")] == (4.5, "learned")
    assert found[(USUAL[1], "recommendation")][1] == "seed"
    shop.write("delete from ml.uplift_scores")


def test_a_list_says_whom_nobody_may_contact(shop: Shop) -> None:
    choose(shop, dict.fromkeys(USUAL, "recommendation"))
    run_dbt(
        shop.settings,
        [
            "run",
            "--quiet",
            "--select",
            "int_users_ranked",
            "int_users_at_risk_listed",
            "at_risk_users",
            "int_tier_reasons_worded",
        ],
        dbt_vars(shop.settings, [DAY]),
    )
    may = dict(shop.rows("select user_id, may_be_contacted from reporting.at_risk_users"))
    arms = dict(
        shop.rows("select user_id, arm from campaigns.campaign_actions where campaign_id = 'recommendation'")
    )
    assert set(arms) == set(USUAL)
    assert set(arms.values()) == {"treatment", "holdout"}
    assert {user for user in arms if not may[user]} == {u for u, arm in arms.items() if arm == "holdout"}
    assert not may[UNTOUCHED]
    assert not may["held_out"]
    assert may["treated_before"]
    shop.write("delete from ml.action_choices")


def test_reasons_that_no_offer_may_depend_on_are_no_talking_points(shop: Shop) -> None:
    shop.write(
        f"update ml.churn_scores set reason_2_code = 'gender', reason_2_contribution = 0.2 "
        f"where user_id = '{USUAL[0]}'"
    )
    choose(shop, {USUAL[0]: "recommendation"})
    told = shop.rows("select reason_1_sentence_en, reason_2_sentence_en from campaigns.campaign_actions")
    assert told == [("Time since the last paid order: 75 days (raises the risk)", None)]
    shop.write("delete from ml.action_choices")


def test_a_day_without_enabled_campaigns_is_built_and_empty(shop: Shop) -> None:
    shop.write("update seeds.campaign_policy set is_enabled = false")
    run_dbt(
        shop.settings,
        [
            "build",
            "--quiet",
            "--exclude-resource-type",
            "unit_test",
            "--select",
            "path:models/marts/campaigns",
        ],
        dbt_vars(shop.settings, [DAY]),
    )
    assert shop.rows(f"select count(*) from {ELIGIBILITY}") == [(0,)]
    assert shop.rows("select count(*) from campaigns.campaign_design") == [(0,)]
    assert shop.rows("select distinct arm from campaigns.campaign_assignments where not is_recorded") == []


def test_a_shop_without_consents_contacts_nobody_unless_the_policy_takes_them_as_given(shop: Shop) -> None:
    absent = "consents,campaign_touches,coupons,coupon_redemptions"
    variables = dbt_vars(shop.settings, [DAY]) | {"absent_tables": absent}
    command = ["build", "--quiet", "--exclude-resource-type", "unit_test", "--select"]
    run_dbt(shop.settings, [*command, "path:models/marts/campaigns", "path:seeds"], variables)
    reasons = eligibility(shop, "suppression_reason")
    assert reasons[(USUAL[0], "recommendation")] == "no_consent"
    assert shop.rows(f"select count(*) from {ELIGIBILITY} where is_eligible") == [(0,)]
    shop.write("update seeds.contact_policy set assumes_consent = true where channel = 'email'")
    run_dbt(shop.settings, [*command, "path:models/marts/campaigns"], variables)
    found = eligibility(shop, "suppression_reason", "channel")
    assert found[(USUAL[0], "recommendation")] == (None, "email")
