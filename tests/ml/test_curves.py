import numpy as np
import pandas as pd
import pytest

from ml.curves import curves

CHURNED = np.array([1] * 20 + [0] * 80)
PERFECT = np.linspace(0.99, 0.01, 100)


@pytest.fixture(scope="module")
def found():
    return curves(
        CHURNED,
        {"champion": PERFECT, "recency_rule": np.full(100, 0.2)},
        before={"champion": np.clip(PERFECT * 2, 0, 1)},
    )


def points(frame, curve, candidate="champion"):
    return frame[(frame["curve"] == curve) & (frame["candidate"] == candidate)].set_index("point")


def test_a_perfect_score_gains_every_churner_first(found):
    gain = points(found, "gain")
    assert (gain["x"].iloc[0], gain["y"].iloc[0]) == (0.0, 0.0)
    at_ten, at_twenty, at_end = (gain[np.isclose(gain["x"], share)].iloc[0] for share in (0.1, 0.2, 1.0))
    assert (at_ten["y"], at_twenty["y"], at_end["y"]) == pytest.approx((0.5, 1.0, 1.0))
    assert at_ten["users"] == 10


def test_a_score_that_tells_nobody_apart_gains_what_chance_gains(found):
    gain = points(found, "gain", "recency_rule")
    assert gain["y"].to_numpy() == pytest.approx(gain["x"].to_numpy())
    assert points(found, "lift", "recency_rule")["y"].to_numpy() == pytest.approx(np.ones(100))


def test_lift_is_the_churn_rate_of_the_riskiest_over_that_of_everybody(found):
    lift = points(found, "lift")
    assert lift.loc[10, "y"] == pytest.approx(5.0)
    assert lift.loc[100, "y"] == pytest.approx(1.0)


def test_reliability_holds_the_mean_score_against_the_churn_rate(found):
    after = points(found, "reliability_after")
    assert len(after) == 10
    assert after["users"].sum() == 100
    assert list(after["y"]) == [0.0] * 8 + [1.0] * 2
    assert after.loc[10, "x"] == pytest.approx(PERFECT[:10].mean())
    assert points(found, "reliability_before").loc[10, "x"] == pytest.approx(1.0, abs=0.02)


def test_reliability_before_is_there_only_where_it_is_known(found):
    assert points(found, "reliability_before", "recency_rule").empty


def test_the_distribution_counts_every_user_once(found):
    spread = points(found, "score_distribution")
    assert spread["users"].sum() == 100
    assert spread["y"].sum() == pytest.approx(1.0)
    assert points(found, "score_distribution", "recency_rule")["y"].max() == 1.0


def test_a_handful_of_users_still_has_curves():
    few = curves(np.array([1, 0, 1]), {"champion": np.array([0.9, 0.1, 0.1])})
    assert points(few, "reliability_after")["users"].sum() == 3
    pd.testing.assert_series_equal(
        points(few, "gain")["y"].tail(1), pd.Series([1.0], index=pd.Index([101], name="point"), name="y")
    )
