"""G13: whatever a user's gender, age, country, region, city or language, the decision is the same."""

import csv
from pathlib import Path

import pytest

from tests.warehouse.campaign_makers import DAY, build, consent, decide, insert, prepare_decisions, score
from tests.warehouse.dbt_makers import Shop
from warehouse.settings import REPOSITORY

SEEDS = REPOSITORY / "dbt_project" / "seeds"
USERS = [f"u{i}" for i in range(120)]
# how and when users are spoken to follows from where they live; whether they are, and what they get, does not
MANNERS = "language, time_zone, preferred_hour"
ELIGIBILITY = f"(select * exclude ({MANNERS}) from campaigns.campaign_eligibility)"
ACTIONS = f"(select * exclude ({MANNERS}) from campaigns.campaign_actions)"
OTHERS = {
    "gender": ("female", "male"),
    "age_years": (19, 71),
    "country": ("CN", "US"),
    "region": ("Shanghai", "Xinjiang"),
    "city": ("Shanghai", "Urumqi"),
    "language": ("zh", "en"),
}


def seed(name: str) -> list[dict[str, str]]:
    with Path(SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Users of one kind whose risk and worth differ, decided and chosen."""
    shop = Shop(tmp_path_factory.mktemp("g13"))
    prepare_decisions(shop)
    first = {name: values[0] for name, values in OTHERS.items()}
    score(
        shop,
        {
            user: {**first, "churn_probability": 0.4 + number / 200, "net_amount_365d": float(number)}
            for number, user in enumerate(USERS)
        },
    )
    consent(shop, dict.fromkeys(USERS, ("email", "call", "push")))
    decide(shop)
    shop.write(
        "insert into ml.action_choices select as_of_date, user_id, max(campaign_id), 1.0, 'seed', "
        "row_number() over (order by user_id), max(run_id) from campaigns.campaign_eligibility "
        "where is_eligible group by as_of_date, user_id"
    )
    return shop


def test_the_list_of_attributes_is_the_one_that_is_tested() -> None:
    assert {row["attribute"] for row in seed("sensitive_attributes")} == set(OTHERS)


def test_other_attributes_change_no_decision(shop: Shop) -> None:
    before = shop.digest(ELIGIBILITY), shop.digest(ACTIONS)
    assert shop.rows("select count(distinct campaign_id) > 1 from campaigns.campaign_actions") == [(True,)]
    changed = ", ".join(f"{attribute} = '{other}'" for attribute, (_, other) in OTHERS.items())
    shop.write(f"update features.user_features set {changed}")
    build(shop, DAY, "path:models/marts/campaigns")
    manners = shop.rows("select distinct language, time_zone from campaigns.campaign_actions")
    assert manners == [("en", "America/New_York")]
    assert (shop.digest(ELIGIBILITY), shop.digest(ACTIONS)) == before


def test_no_campaign_is_triggered_by_what_a_user_is() -> None:
    themes = {row["reason_code"]: row["theme"] for row in seed("reason_texts")}
    sensitive = {themes[row["attribute"]] for row in seed("sensitive_attributes")}
    assert sensitive == {"profile"}
    for campaign in seed("campaign_policy"):
        for column in ("trigger_codes", "excluded_codes"):
            assert not sensitive & set(campaign[column].split("|")), campaign["campaign_id"]


def test_the_report_on_parity_tells_groups_apart_and_hides_small_ones(shop: Shop) -> None:
    women, few = USERS[:60], USERS[60:65]
    for users, gender in ((women, "female"), (few, "divers")):
        listed = ", ".join(f"'{user}'" for user in users)
        shop.write(f"update features.user_features set gender = '{gender}' where user_id in ({listed})")
    shop.write("update features.user_features set gender = 'male' where user_id > 'u7'")
    shop.write("delete from ml.action_choices")
    chosen = [user for user in USERS if user not in few][::2]
    insert(
        shop,
        "ml.action_choices",
        [
            {"as_of_date": DAY, "user_id": user, "campaign_id": "win_back_coupon", "run_id": "run-1"}
            for user in [*chosen, few[0]]
        ],
    )
    told = {
        row[0]: row[1:]
        for row in shop.rows(
            "select group_value, users, is_small, users_offered, offered_share, offer_value_mean "
            "from campaigns.offer_parity where attribute = 'gender'"
        )
    }
    counted = dict(
        shop.rows("select gender, count(*) from features.user_features group by gender order by gender")
    )
    assert {group: row[0] for group, row in told.items()} == counted
    assert told["divers"][1:] == (True, None, None, None)
    offered = shop.rows(
        "select count(*) from features.user_features semi join ml.action_choices using (user_id) "
        "where gender = 'female'"
    )[0][0]
    assert told["female"][1:] == (False, offered, pytest.approx(offered / counted["female"]), 20.0)
