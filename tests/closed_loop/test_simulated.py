"""What the simulator knows: a policy that knows the truth, and worth."""

import numpy as np
import pytest

from campaigns.arms import bucket
from campaigns.policy import Policy, load_policy
from closed_loop.lives import margin_by_day, outcomes_of
from closed_loop.shop import make_project, settings_of
from closed_loop.simulated import Lived, earned, live_with, oracle, worth_delivered
from closed_loop.sizes import Size
from closed_loop.world import world_of

SIZE = Size(
    name="test",
    users=1_500,
    history_days=150,
    loop_days=30,
    round_days=14,
    learns_from=9,
    judged_days=30,
    seeds=2,
    capacity={"recommendation": 60, "win_back_coupon": 30, "service_call": 5},
    judges_policies=False,
)
WORLD = world_of(SIZE, 3)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    home = tmp_path_factory.mktemp("shop")
    make_project(home, SIZE)
    return load_policy(settings_of(home).dbt_project)


@pytest.fixture(scope="module")
def messages(policy: Policy):
    return oracle(WORLD, SIZE, policy)


@pytest.fixture(scope="module")
def alone(policy: Policy) -> Lived:
    return live_with(WORLD, SIZE, None, policy)


@pytest.fixture(scope="module")
def reached(policy: Policy, messages) -> Lived:
    return live_with(WORLD, SIZE, messages, policy)


def test_rounds_come_at_even_steps_and_end_before_the_last_day() -> None:
    days = [SIZE.round_day(number) for number in range(SIZE.rounds)]
    assert days == [149, 163, 177]
    assert days[-1] < SIZE.last_day == 179


def test_who_knows_the_truth_keeps_to_arms_and_capacities(policy: Policy, messages) -> None:
    rows = messages.to_pylist()
    assert len(rows) > 100
    control = policy.global_control
    for row in rows:
        campaign = policy.campaign(row["campaign_id"])
        assert bucket(campaign.salt, campaign.experiment_id, row["user_id"]) >= campaign.holdout_share
        assert bucket(control.salt, control.experiment_id, row["user_id"]) >= control.holdout_share
    by_day: dict[tuple[object, str], int] = {}
    for row in rows:
        key = (row["sent_at"].date(), row["campaign_id"])
        by_day[key] = by_day.get(key, 0) + 1
    assert all(count <= SIZE.capacity[campaign] for (_, campaign), count in by_day.items())


def test_nobody_is_reached_twice_within_the_rest(messages) -> None:
    frame = messages.to_pandas().sort_values(["user_id", "sent_at"])
    gaps = frame.groupby("user_id")["sent_at"].diff().dropna().dt.days
    assert (gaps >= 28).all()


def test_who_knows_the_truth_earns_on_what_is_delivered(alone: Lived, reached: Lived) -> None:
    first = SIZE.history_days
    assert (reached.rounds["worth"] > 0).all()
    assert worth_delivered(reached, 0) > 1_000
    assert earned(reached, alone, first, SIZE.last_day) > 0
    assert earned(alone, alone, first, SIZE.last_day) == 0


def test_a_world_is_the_same_up_to_the_first_delivery(alone: Lived, reached: Lived) -> None:
    before = slice(0, SIZE.history_days)
    np.testing.assert_array_equal(alone.margin[before], reached.margin[before])
    assert (alone.margin != reached.margin).any()
    assert alone.cost.sum() == 0 < reached.cost.sum()


def test_users_sums_and_days_sums_are_the_same_money(alone: Lived) -> None:
    by_user = outcomes_of(alone.shop, alone.people, alone.lives, 100, 140)
    by_day = margin_by_day(alone.shop, alone.people, alone.lives, SIZE.last_day + 1)
    assert by_user.margin.sum() == pytest.approx(by_day[100:141].sum())
    assert by_user.margin.sum() < 0.4 * by_user.revenue.sum() + 1e-6 or by_user.revenue.sum() == 0
