"""The policy earns what the exact programme earns, keeps every cap, and leaves alone who is better left."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.uplift.budgeted_policy import plan_actions
from ml.uplift.options import Cap, Options, fill_places
from warehouse.errors import ContractBreach


def options_of(*rows):
    """Make options of (user, campaign, channel, value, cost, treated)."""
    columns = list(zip(*rows, strict=True))
    whole = [np.array(column, dtype=np.int64) for column in columns[:3]]
    return Options(*whole, *(np.array(column, dtype=np.float64) for column in columns[3:]))


def make_options(users, campaigns=5, channels=3, seed=0):
    """Return options of users whose values for the campaigns go together and are often below 0."""
    random = np.random.default_rng(seed)
    worth = random.gamma(2.0, 5.0, users)
    value = worth[:, None] * random.normal(0.3, 0.6, (users, campaigns)) - random.uniform(0, 3, campaigns)
    kept = random.random(users * campaigns) < 0.7
    return Options(
        np.repeat(np.arange(users), campaigns)[kept],
        np.tile(np.arange(campaigns), users)[kept],
        random.integers(0, channels, users * campaigns)[kept],
        value.ravel()[kept],
        random.choice([0.02, 1.0, 3.0], users * campaigns)[kept],
        random.choice([0.7, 0.9], users * campaigns)[kept],
    )


def make_caps(users, campaigns=5, channels=3):
    return [
        *(Cap(f"capacity {n}", users * 0.03 * (n + 1), "treated", campaign=n) for n in range(campaigns)),
        *(Cap(f"audience {n}", users * 0.15, "users", campaign=n) for n in range(campaigns)),
        *(Cap(f"budget {n}", users * 0.1, "cost", campaign=n) for n in range(campaigns)),
        *(Cap(f"channel {n}", users * 0.12, "treated", channel=n) for n in range(channels)),
        Cap("all budgets", users * 0.3, "cost"),
    ]


def assert_caps_hold(options, caps, chosen):
    assert caps
    for cap in caps:
        assert cap.load(options.of(chosen)).sum() <= cap.limit * (1 + 1e-9) + 1e-9, cap.name


def test_each_user_gets_the_campaign_that_is_worth_most():
    options = options_of((0, 0, 0, 1.0, 0, 1), (0, 1, 0, 2.0, 0, 1), (1, 0, 0, 3.0, 0, 1))
    plan = plan_actions(options, [])
    assert sorted(plan.chosen) == [1, 2]
    assert plan.value == plan.value_at_most == 5.0


def test_who_is_better_left_alone_is_left_alone():
    options = options_of((0, 0, 0, -1.0, 0, 1), (1, 0, 0, 0.0, 0, 1), (2, 0, 0, 0.5, 0, 1))
    assert plan_actions(options, [Cap("places", 10, "users", campaign=0)]).chosen.tolist() == [2]


def test_a_scarce_place_goes_to_whom_it_is_worth_most_and_not_to_the_largest_value():
    # user 0 gains 9 either way; only campaign 0 helps user 1, and it has one place
    options = options_of((0, 0, 0, 10.0, 0, 1), (0, 1, 0, 9.0, 0, 1), (1, 0, 0, 5.0, 0, 1))
    plan = plan_actions(options, [Cap("places", 1, "users", campaign=0)])
    assert sorted(plan.chosen) == [1, 2]
    assert plan.value == 14.0
    assert plan.prices["places"] > 0


def test_capacity_counts_those_who_are_treated():
    options = options_of(*((user, 0, 0, 100.0 - user, 1.0, 0.5) for user in range(100)))
    plan = plan_actions(options, [Cap("calls", 10, "treated", campaign=0)])
    assert len(plan.chosen) == 20
    plan = plan_actions(options, [Cap("money", 10, "cost", campaign=0)])
    assert len(plan.chosen) == 20


def test_a_campaign_that_holds_out_more_must_be_worth_more():
    options = options_of((0, 0, 0, 10.0, 0, 0.5), (0, 1, 0, 6.0, 0, 0.9), (1, 0, 0, 10.0, 0, 0.5))
    plan = plan_actions(options, [])
    assert sorted(plan.chosen) == [1, 2]
    assert plan.value == pytest.approx(0.9 * 6 + 0.5 * 10)


def test_a_budget_is_spent_where_it_brings_most_per_unit():
    options = options_of((0, 0, 0, 10.0, 10.0, 1), (1, 0, 0, 9.0, 5.0, 1), (2, 0, 0, 8.0, 5.0, 1))
    plan = plan_actions(options, [Cap("money", 10, "cost")])
    assert sorted(plan.chosen) == [1, 2]


def test_a_channel_is_shared_by_campaigns():
    options = options_of((0, 0, 7, 3.0, 0, 1), (1, 1, 7, 2.0, 0, 1), (2, 1, 8, 1.0, 0, 1))
    plan = plan_actions(options, [Cap("mails", 1, "treated", channel=7)])
    assert sorted(plan.chosen) == [0, 2]


def test_a_campaign_below_its_minimum_is_dropped_with_the_reason_and_its_users_get_the_next_best():
    options = options_of(
        (0, 0, 0, 5.0, 0, 1), (0, 1, 0, 4.0, 0, 1), (1, 1, 0, 4.0, 0, 1), (2, 1, 0, 4.0, 0, 1)
    )
    plan = plan_actions(options, [], minimum={0: 2, 1: 3})
    assert dict(plan.dropped) == {0: "1 users are fewer than its minimum audience of 2"}
    assert sorted(plan.chosen) == [1, 2, 3]


def test_a_campaign_without_users_falls_below_its_minimum():
    plan = plan_actions(options_of((0, 0, 0, -5.0, 0, 1)), [], minimum={0: 1})
    assert list(plan.dropped) == [0]
    assert not len(plan.chosen)


def test_no_options_give_an_empty_plan():
    nothing = make_options(3).of(np.zeros(0, dtype=np.int64))
    plan = plan_actions(nothing, make_caps(3))
    assert (len(plan.chosen), plan.value, plan.loss_at_most) == (0, 0.0, 0.0)


@pytest.mark.parametrize("seed", range(3))
def test_prices_of_a_sample_earn_within_one_per_cent_of_the_exact_programme(seed):
    options, caps = make_options(6_000, seed=seed), make_caps(6_000)
    exact = plan_actions(options, caps)
    by_sample = plan_actions(options, caps, exact_users=0, sample_users=2_000)
    for plan in (exact, by_sample):
        assert_caps_hold(options, caps, plan.chosen)
        assert (options.value[plan.chosen] > 0).all()
        assert len(np.unique(options.user[plan.chosen])) == len(plan.chosen) > 500
        assert plan.value == pytest.approx(options.gain[plan.chosen].sum())
        assert plan.value <= plan.value_at_most * (1 + 1e-9)
    assert exact.loss_at_most < 0.002
    assert by_sample.value >= 0.99 * exact.value
    assert by_sample.loss_at_most < 0.01
    assert by_sample.value_at_most >= exact.value


def test_far_more_users_than_places_are_decided_by_prices_too():
    options = make_options(30_000)
    caps = [replace(cap, limit=cap.limit / 50) for cap in make_caps(30_000)]
    plan = plan_actions(options, caps, exact_users=0, sample_users=3_000)
    assert_caps_hold(options, caps, plan.chosen)
    assert len(plan.chosen) > 100
    assert plan.loss_at_most < 0.05


def test_the_same_options_give_the_same_plan_and_shuffled_users_the_same_value():
    options, caps = make_options(2_000), make_caps(2_000)
    one, again = plan_actions(options, caps), plan_actions(options, caps)
    assert one.chosen.tolist() == again.chosen.tolist()
    shuffled = np.random.default_rng(0).permutation(2_000)[options.user]
    order = np.argsort(shuffled, kind="stable")
    other = plan_actions(replace(options.of(order), user=shuffled[order]), caps)
    assert other.value == pytest.approx(one.value, rel=2e-3)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_caps_hold_and_users_are_chosen_once_whatever_comes(data):
    rows = data.draw(
        st.lists(
            st.tuples(
                st.integers(0, 6),
                st.integers(0, 2),
                st.integers(0, 1),
                st.floats(-5, 10, allow_nan=False),
                st.floats(0, 5, allow_nan=False),
                st.sampled_from([0.5, 0.7, 1.0]),
            ),
            min_size=1,
            max_size=25,
            unique_by=lambda row: (row[0], row[1]),
        )
    )
    options = options_of(*sorted(rows))
    limits = data.draw(st.lists(st.floats(0, 6, allow_nan=False), min_size=4, max_size=4))
    caps = [
        Cap("calls", limits[0], "treated", campaign=0),
        Cap("money", limits[1], "cost", campaign=1),
        Cap("mails", limits[2], "users", channel=0),
        Cap("all", limits[3], "cost"),
    ]
    for exact_users in (0, 100):
        plan = plan_actions(options, caps, exact_users=exact_users, sample_users=3)
        assert_caps_hold(options, caps, plan.chosen)
        assert len(set(options.user[plan.chosen])) == len(plan.chosen)
        assert (options.value[plan.chosen] > 0).all()
        assert plan.value <= plan.value_at_most + 1e-6


def test_places_are_filled_in_order_and_the_next_best_is_offered_when_a_cap_closes():
    options = options_of(
        (0, 0, 0, 1, 0, 1), (0, 1, 0, 1, 0, 1), (1, 0, 0, 1, 0, 1), (1, 1, 0, 1, 0, 1), (2, 0, 0, 1, 0, 1)
    )
    score = np.array([9.0, 1.0, 8.0, 2.0, 7.0])
    chosen = fill_places(options, [Cap("places", 1, "users", campaign=0)], score)
    assert chosen.tolist() == [0, 3]


def test_what_is_taken_already_counts():
    options = options_of((0, 0, 0, 1, 0, 1), (1, 0, 0, 1, 0, 1), (1, 1, 0, 1, 0, 1))
    caps = [Cap("places", 1, "users", campaign=0)]
    chosen = fill_places(options, caps, np.array([1.0, 3.0, 2.0]), taken=np.array([0]))
    assert chosen.tolist() == [0, 2]


def test_options_that_are_out_of_order_or_no_number_are_refused():
    with pytest.raises(ContractBreach, match="ordered by user"):
        plan_actions(options_of((1, 0, 0, 1, 0, 1), (0, 0, 0, 1, 0, 1)), [])
    with pytest.raises(ContractBreach, match="value of an option is not a number"):
        plan_actions(options_of((0, 0, 0, np.nan, 0, 1)), [])
