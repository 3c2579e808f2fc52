"""How users live: one-time buyers, drop-outs, satisfaction, and the true probability."""

import numpy as np
import pytest

from sample_shop.behaviour import BUY, GONE, STRAY
from sample_shop.people import RESPONSE_TYPES
from tests.sample_shop.makers import Lived


def orders_per_user(lived: Lived, after: int = -1, through: int = 10_000) -> np.ndarray:
    orders = lived.lives.orders
    chosen = (orders["day"] > after) & (orders["day"] <= through)
    return np.bincount(orders["user"][chosen], minlength=lived.people.count)


def test_more_than_half_of_the_buyers_order_once(lived: Lived) -> None:
    counts = orders_per_user(lived)
    once = (counts == 1).sum() / (counts > 0).sum()
    assert 0.5 < once < 0.75


def test_nobody_orders_after_dropping_out(lived: Lived) -> None:
    orders = lived.lives.orders
    gone_day = lived.lives.gone_day[orders["user"]]
    assert (gone_day >= 0).sum() > 1000
    assert not ((gone_day >= 0) & (orders["day"] > gone_day)).any()


def test_after_dropping_out_only_stray_visits_are_left(lived: Lived) -> None:
    sessions = lived.lives.sessions
    gone_day = lived.lives.gone_day[sessions["user"]]
    later = (gone_day >= 0) & (sessions["day"] > gone_day)
    assert set(sessions["purpose"][later]) == {STRAY}


def test_browsing_fades_before_the_drop_out(lived: Lived) -> None:
    sessions, lives, people = lived.lives.sessions, lived.lives, lived.people
    # users who lived well before they began to fade, and faded for more than two weeks
    steady = (lives.fading_day - people.signup_day >= 45) & (lives.gone_day - lives.fading_day >= 15)
    assert steady.sum() > 200
    when = sessions["day"] - lives.fading_day[sessions["user"]]
    counted = steady[sessions["user"]]
    before = (counted & (when > -30) & (when <= 0)).sum() / 30
    after = (counted & (when > 0) & (when <= 15)).sum() / 15
    assert after < 0.6 * before


def test_dissatisfied_users_drop_out_sooner(lived: Lived) -> None:
    orders = lived.lives.orders
    early = orders["day"] < lived.last_day - 90
    bad = early & (orders["unanswered"] | (orders["defect"] & orders["late"]))
    good = early & (orders["experience"] > 0) & (orders["contacted"] < 0)
    assert bad.sum() > 150
    leaves = [_fades_within(lived, chosen, days=60) for chosen in (bad, good)]
    assert leaves[0] > 1.3 * leaves[1]


def _fades_within(lived: Lived, chosen: np.ndarray, days: int) -> float:
    orders = lived.lives.orders
    fading = lived.lives.fading_day[orders["user"][chosen]]
    wait = fading - orders["day"][chosen]
    return float(((fading >= 0) & (wait <= days)).mean())


def test_purchases_come_with_browsing_before_them(lived: Lived) -> None:
    sessions = lived.lives.sessions
    code = sessions["user"] * 1000 + sessions["day"]
    buys = code[sessions["purpose"] == BUY]
    # a day that is two days before an order is busier than a day long after it
    before, after = np.isin(buys - 2, code).mean(), np.isin(buys + 20, code).mean()
    assert before > 2 * after


def test_ratings_are_lower_after_bad_service(lived: Lived) -> None:
    orders = lived.lives.orders
    reviewed = orders["reviewed"] >= 0
    fine = orders["rating"][reviewed & (orders["experience"] > 0)]
    bad = orders["rating"][reviewed & (orders["experience"] < 0)]
    assert len(bad) > 100
    assert fine.mean() > bad.mean() + 1.0


@pytest.mark.parametrize("horizon", [30, 60, 90])
@pytest.mark.parametrize("days_ago", [90, 150])
def test_the_true_probability_is_calibrated(lived: Lived, horizon: int, days_ago: int) -> None:
    churn, day = lived.lives.churn, lived.last_day - days_ago
    chosen = churn["day"] == day
    probability, user = churn[f"probability_{horizon}d"][chosen], churn["user"][chosen]
    churned = orders_per_user(lived, after=day, through=day + horizon)[user] == 0
    # certain ones are certain
    assert churned[probability == 1.0].all()
    assert not churned[probability == 0.0].any()
    open_ones = (probability > 0) & (probability < 1)
    tenths = np.digitize(probability, np.linspace(0, 1, 11)[1:-1])
    for tenth in range(10):
        group = open_ones & (tenths == tenth)
        if group.sum() < 50:
            continue
        spread = np.sqrt((probability[group] * (1 - probability[group])).sum())
        assert abs(churned[group].sum() - probability[group].sum()) < 4.0 * spread, tenth
    spread = np.sqrt((probability * (1 - probability)).sum())
    assert abs(churned.sum() - probability.sum()) < 3.5 * spread


def test_the_truth_knows_more_than_recency(lived: Lived) -> None:
    churn, day, orders = lived.lives.churn, lived.last_day - 90, lived.lives.orders
    chosen = churn["day"] == day
    user = churn["user"][chosen]
    last_order = np.full(lived.people.count, -1)
    past = orders["day"] <= day
    np.maximum.at(last_order, orders["user"][past], orders["day"][past])
    recency = day - last_order[user]
    eligible = (last_order[user] >= 0) & (recency < 180)
    churned = orders_per_user(lived, after=day, through=day + 90)[user] == 0
    assert 0.4 < churned[eligible].mean() < 0.7
    truth = _area_under_curve(churn["probability_90d"][chosen][eligible], churned[eligible])
    rule = _area_under_curve(recency[eligible], churned[eligible])
    assert 0.75 < truth < 0.90
    assert rule > 0.55
    assert truth > rule + 0.06


def _area_under_curve(score: np.ndarray, truth: np.ndarray) -> float:
    """Mann and Whitney's statistic, ties counted half."""
    values, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    assert len(values) > 1
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positive, negative = truth.sum(), (~truth).sum()
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def test_a_campaign_moves_persuadables_and_disturbs_those_who_want_peace(lived: Lived) -> None:
    touches, people, lives = lived.lives.touches, lived.people, lived.lives
    orders = lives.orders
    bought = set(zip(orders["user"].tolist(), orders["day"].tolist(), strict=True))
    rates = {}
    for response in ("persuadable", "lost_cause"):
        mine = people.response == RESPONSE_TYPES.index(response)
        chosen = mine[touches["user"]] & (touches["phase"] < GONE)
        pairs = list(zip(touches["user"][chosen].tolist(), touches["day"][chosen].tolist(), strict=True))
        rates[response] = np.mean([any((user, day + k) in bought for k in range(8)) for user, day in pairs])
    assert rates["persuadable"] > 1.3 * rates["lost_cause"]
    assert set(np.unique(people.response)) == {0, 1, 2, 3}
