"""What a marketer writes is checked value by value, and what is wrong is named with its line."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from campaigns.policy import CHANNELS, Policy, load_policy
from warehouse.errors import SettingsError
from warehouse.settings import REPOSITORY

SEEDS = ("campaign_policy", "offers", "contact_policy", "country_time_zones")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "seeds").mkdir()
    for seed in SEEDS:
        shutil.copy(REPOSITORY / "dbt_project" / "seeds" / f"{seed}.csv", tmp_path / "seeds")
    return tmp_path


@pytest.fixture
def edited(project: Path) -> Callable[[str, str, str], Policy]:
    """Return a function that puts another text into a seed and reads the policy."""

    def edit(seed: str, old: str, new: str) -> Policy:
        path = project / "seeds" / f"{seed}.csv"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return load_policy(project)

    return edit


def test_the_seeds_of_the_project_can_be_read() -> None:
    policy = load_policy(REPOSITORY / "dbt_project")
    assert policy.campaigns
    assert policy.global_control.holdout_share == 0.05
    assert set(CHANNELS) <= set(policy.contacts)
    assert all(one.offer_id in policy.offers for one in policy.campaigns.values())
    assert policy.time_zones["CN"] == "Asia/Shanghai"
    priorities = [one.priority for one in policy.campaigns.values()]
    assert priorities == sorted(priorities)


def test_an_experiment_knows_its_goal_days() -> None:
    policy = load_policy(REPOSITORY / "dbt_project")
    campaign = next(iter(policy.campaigns.values()))
    assert policy.goal_days(campaign.experiment_id) == campaign.goal_days
    assert policy.goal_days("long_gone") is None


@pytest.mark.parametrize(
    ("seed", "old", "new", "column"),
    [
        (
            "campaign_policy",
            "education,education_1",
            "education'; drop table users; --,education_1",
            "campaign_id",
        ),
        ("campaign_policy", "education_1", "{{ env_var('HOME') }}", "experiment_id"),
        ("campaign_policy", "steps-1", "1 union all select * from read_text('/etc/passwd')", "salt"),
        ("campaign_policy", "first_steps", "../../etc/passwd", "offer_id"),
        ("campaign_policy", "email|push,,,new", "email|carrier_pigeon,,,new", "channels"),
        ("campaign_policy", "education,first_steps", "bribe,first_steps", "action"),
        ("campaign_policy", "true,4", "yes,4", "is_enabled"),
        ("campaign_policy", "0.03,30,0.05", "NaN,30,0.05", "assumed_save_rate"),
        ("campaign_policy", "0.03,30,0.05", "0.03,-1,0.05", "goal_days"),
        ("campaign_policy", ",10000,300,0.03", ",1e999,300,0.03", "budget"),
        ("campaign_policy", ",10000,300,0.03", ",-5,300,0.03", "budget"),
        ("campaign_policy", ",10000,300,0.03", ",10000,10001,0.03", "budget_per_day"),
        ("campaign_policy", "20,500000,,10000,300,0.03", "20,19,,10000,300,0.03", "maximum_audience"),
        ("campaign_policy", "for new users", "{% for x in y %}", "meaning"),
        ("campaign_policy", "for new users", "{{ env_var('HOME') }}", "meaning"),
        ("campaign_policy", "steps-1", "call-1", "salt"),
        ("offers", "coupon_20,coupon,20,", "coupon_20,coupon,-20,", "face_value"),
        ("offers", "coupon_20,coupon,20,", "coupon_20,coupon,2000,", "face_value"),
        ("offers", "coupon_20,coupon,20,", "coupon_20,coupon,inf,", "face_value"),
        ("offers", "coupon_20,coupon,20,", "coupon_20,coupon,0,", "face_value"),
        ("offers", "Chosen for you", "Chosen for {user.email}", "title_en"),
        ("contact_policy", "sms,sms,", "sms,whatever,", "consent_purpose"),
        ("contact_policy", "sms,sms,false,24,8,21", "sms,sms,false,24,21,8", "sends_until_hour"),
        ("contact_policy", "sms,sms,false,24", "sms,sms,false,-24", "hours_between"),
        ("contact_policy", "sms,sms", "fax,sms", "channel"),
        ("country_time_zones", "Asia/Shanghai", "../../etc/localtime", "time_zone"),
        ("country_time_zones", "\nCN,", "\nC'; --,", "country"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line_and_value(
    edited: Callable[[str, str, str], Policy], seed: str, old: str, new: str, column: str
) -> None:
    with pytest.raises(SettingsError, match=rf"{seed}\.csv, line \d+, {column} cannot be used") as raised:
        edited(seed, old, new)
    assert raised.value.value is not None
    assert raised.value.remedy


def test_the_line_that_is_named_is_the_line_of_the_file(edited: Callable[[str, str, str], Policy]) -> None:
    with pytest.raises(SettingsError, match=r"offers\.csv, line 2, "):
        edited("offers", "coupon_20,coupon,20,", "coupon_20,coupon,-20,")


def test_a_missing_column_a_long_line_and_a_missing_rule_are_refused(
    project: Path, edited: Callable[[str, str, str], Policy]
) -> None:
    with pytest.raises(SettingsError, match="lacks columns"):
        edited("campaign_policy", "holdout_share", "hold_out_share")
    edited("campaign_policy", "hold_out_share", "holdout_share")
    with pytest.raises(SettingsError, match="line 2, the line"):
        edited("country_time_zones", "Asia/Dubai", "Asia/Dubai,more")
    edited("country_time_zones", "Asia/Dubai,more", "Asia/Dubai")
    lines = (project / "seeds" / "contact_policy.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("sms,")]
    (project / "seeds" / "contact_policy.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="lacks lines"):
        load_policy(project)


def test_an_offer_must_fit_the_action_of_its_campaign(edited: Callable[[str, str, str], Policy]) -> None:
    with pytest.raises(SettingsError, match="offer_id") as raised:
        edited("campaign_policy", "education,first_steps", "education,coupon_20")
    assert raised.value.value == "coupon_20"


def test_an_unknown_campaign_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="no_such"):
        load_policy(REPOSITORY / "dbt_project").campaign("no_such")
