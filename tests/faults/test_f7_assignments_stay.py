"""F7: an arm stays, whatever is rerun, permuted, renamed or added; and arms of the wrong size are noticed."""

import numpy as np
import pytest
from scipy.stats import chi2, chi2_contingency

from campaigns.arms import arm, bucket
from campaigns.policy import load_policy
from tests.warehouse.campaign_makers import DAY, build, decide, insert, prepare_decisions, score
from tests.warehouse.dbt_makers import Shop
from warehouse.settings import REPOSITORY

USERS = 100_000
ODD_IDS = ("00", "u1 ", " u1", "用户-一", "o'brien", "a|b", "{{ x }}", "A:B", "ÿ" * 40)
POLICY = load_policy(REPOSITORY / "dbt_project")
CAMPAIGN = POLICY.campaign("recommendation")
VIEW = "campaigns.campaign_assignments"
LEAST_P = 0.001


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A hundred thousand users who may get a recommendation, and all of them chosen."""
    shop = Shop(tmp_path_factory.mktemp("f7"))
    prepare_decisions(shop)
    score(shop, {user: {} for user in ("u0", *ODD_IDS)})
    for table in ("features.user_features", "ml.churn_scores"):
        shop.write(
            f"insert into {table} select one.* replace ('u' || i as user_id) "
            f"from {table} as one, range(1, {USERS}) t (i) where one.user_id = 'u0'"
        )
    shop.write(
        "insert into staging.stg_sample_shop__consents by name select user_id, 'email' as purpose, "
        "timestamp '2026-01-01' as changed_at, true as granted, timestamp '2026-01-01' as local_at, "
        "date '2026-01-01' as known_on from features.user_features"
    )
    decide(shop)
    choose_everybody(shop)
    return shop


def choose_everybody(shop: Shop, order_by: str = "user_id") -> None:
    shop.write(
        "delete from ml.action_choices; insert into ml.action_choices "
        "select as_of_date, user_id, campaign_id, expected_net_value, 'seed', 1, run_id "
        "from campaigns.campaign_eligibility where is_eligible and campaign_id = 'recommendation' "
        f"order by {order_by}"
    )


def arms(shop: Shop) -> dict[str, str]:
    return dict(shop.rows(f"select user_id, arm from {VIEW} where experiment_id = ?", CAMPAIGN.experiment_id))


def record(shop: Shop) -> None:
    """Record what was drawn, as the ledger would give it back, and forget who was chosen."""
    shop.write(
        "insert into control.campaign_assignments by name select * exclude (is_recorded) "
        f"from {VIEW} where not is_recorded; delete from ml.action_choices"
    )


def test_python_and_sql_draw_the_same_arm_for_every_id(shop: Shop) -> None:
    drawn = arms(shop)
    assert len(drawn) > 0.9 * USERS
    assert len(set(ODD_IDS) & set(drawn)) >= 7
    assert drawn == {user: arm(CAMPAIGN.salt, CAMPAIGN.experiment_id, user, 0.1) for user in drawn}
    control = shop.rows(f"select user_id from {VIEW} where arm = 'global_control'")
    rule = POLICY.global_control
    everybody = [user for (user,) in shop.rows("select user_id from ml.churn_scores")]
    expected = {
        user for user in everybody if bucket(rule.salt, rule.experiment_id, user) < rule.holdout_share
    }
    assert {user for (user,) in control} == expected


def test_the_shares_are_as_drawn_and_experiments_know_nothing_of_each_other(shop: Shop) -> None:
    users = [f"u{i}" for i in range(USERS)]
    rules = [POLICY.global_control, *POLICY.campaigns.values()]
    held = {
        rule.experiment_id: np.array([bucket(rule.salt, rule.experiment_id, user) < 0.1 for user in users])
        for rule in rules
    }
    names = sorted(held)
    assert len(names) == 6
    for name in names:
        expected = np.array([0.9, 0.1]) * USERS
        found = np.array([(~held[name]).sum(), held[name].sum()])
        assert chi2.sf(((found - expected) ** 2 / expected).sum(), 1) > LEAST_P, name
    for place, name in enumerate(names):
        for other in names[place + 1 :]:
            table = np.histogram2d(held[name], held[other], bins=2)[0]
            assert chi2_contingency(table, correction=False).pvalue > LEAST_P, (name, other)


def test_a_rerun_in_another_order_assigns_alike(shop: Shop) -> None:
    before = shop.digest(VIEW)
    choose_everybody(shop, "hash(user_id)")
    assert shop.digest(VIEW) == before


def test_a_recorded_arm_outlives_salts_shares_and_new_campaigns(shop: Shop) -> None:
    before = arms(shop)
    record(shop)
    shop.write("update seeds.campaign_policy set salt = 'another', holdout_share = 0.5")
    shop.write(
        "insert into seeds.campaign_policy select * replace ('more' as campaign_id, "
        "'more_1' as experiment_id, 'more-1' as salt, 9 as priority) "
        "from seeds.campaign_policy where campaign_id = 'recommendation'"
    )
    insert(
        shop,
        "ml.action_choices",
        [
            {"as_of_date": DAY, "user_id": user, "campaign_id": "recommendation", "run_id": "again"}
            for user in list(before)[:1000]
        ],
    )
    build(shop, DAY, "path:models/marts/campaigns")
    assert arms(shop) == before
    assert shop.rows(f"select count(*) from {VIEW} where is_recorded and salt = 'another'") == [(0,)]


def test_users_under_ids_of_another_format_move_nobody(shop: Shop) -> None:
    """A renamed user is another user: who was recorded keeps the arm, under the id that was recorded."""
    before = arms(shop)
    assert before
    shop.write("update risk.user_risk_tiers_history set user_id = 'customer-' || user_id")
    build(shop, DAY, "path:models/marts/campaigns")
    assert arms(shop) == before


@pytest.mark.parametrize(("held_out", "is_stopped"), [(USERS // 2, False), (55_000, True)])
def test_arms_of_the_wrong_size_stop_the_read_out(shop: Shop, held_out: int, is_stopped: bool) -> None:
    shop.write(
        "delete from control.campaign_assignments; delete from ml.action_choices;"
        "insert into control.campaign_assignments by name select 'recommendation_1' as experiment_id, "
        "'recommendation' as campaign_id, 'u' || i as user_id, 0.5 as holdout_share, "
        f"case when i < {held_out} then 'holdout' else 'treatment' end as arm, "
        f"date '2026-06-01' as assigned_on from range({USERS}) t (i)"
    )
    ((found, p_value, stopped),) = shop.rows(
        "select users_held_out, p_value, is_read_out_stopped from campaigns.campaign_sample_ratio"
    )
    distance = (held_out - USERS / 2) ** 2 / (USERS / 4)
    assert (found, stopped) == (held_out, is_stopped)
    assert p_value == pytest.approx(chi2.sf(distance, 1), rel=1e-6, abs=1e-300)


def test_the_alarm_keeps_quiet_when_arms_are_drawn_as_said(shop: Shop) -> None:
    """Of 200 honest experiments of 1,000 users a sample ratio below 0.001 is expected 0.2 times."""
    shop.write("delete from control.campaign_assignments; delete from ml.action_choices")
    draws = np.random.default_rng(7).binomial(1_000, 0.1, 200)
    values = ", ".join(f"({number}, {held})" for number, held in enumerate(draws))
    shop.write(
        "insert into control.campaign_assignments by name select 'e' || number as experiment_id, "
        "'recommendation' as campaign_id, 'u' || i as user_id, 0.1 as holdout_share, "
        "case when i < held then 'holdout' else 'treatment' end as arm, date '2026-06-01' as assigned_on "
        f"from (values {values}) as draws (number, held), range(1000) t (i)"
    )
    stopped = shop.rows(
        "select count(*), count(*) filter (where is_read_out_stopped) from campaigns.campaign_sample_ratio"
    )
    assert stopped[0][0] == 200
    assert stopped[0][1] <= 2
