import numpy as np
import pandas as pd
import pytest

from ml.slices import load_value_cutoffs, slice_values, slices
from warehouse.settings import REPOSITORY

CUTOFFS = {"high": 80.0, "medium": 50.0, "low": 0.0}


def make_test(users=1200):
    """Return test rows and scores: the score knows churn, but not that of users in France."""
    random = np.random.default_rng(0)
    truth = random.random(users)
    country = np.where(np.arange(users) % 4 == 0, "FR", "DE").astype(object)
    country[:60] = "IS"
    frame = pd.DataFrame(
        {
            "country": country,
            "days_since_first_paid_order": np.arange(users) % 500.0,
            "is_one_time_buyer": np.arange(users) % 3 == 0,
            "net_amount_365d": random.gamma(2.0, 50.0, users),
            "churned": (random.random(users) < truth).astype(np.int64),
        }
    )
    blind = np.where(country == "FR", random.random(users), truth)
    return frame, {"recency_rule": random.random(users), "champion": blind}


@pytest.fixture(scope="module")
def found():
    frame, scores = make_test()
    return slices(frame, scores, value_cutoffs=CUTOFFS, resamples=60)


def rows_of(frame, name, slice_value, candidate="champion"):
    wanted = (frame["slice_name"] == name) & (frame["slice_value"] == slice_value)
    return frame[wanted & (frame["candidate"] == candidate)].set_index("metric")


def test_a_weak_slice_is_told_from_a_strong_one(found):
    weak, strong = rows_of(found, "country", "FR"), rows_of(found, "country", "DE")
    assert weak.loc["roc_auc", "value"] < 0.6
    assert strong.loc["roc_auc", "value"] > 0.75
    assert strong.loc["roc_auc_over_recency", "lower"] > 0
    assert weak.loc["roc_auc_over_recency", "lower"] < 0 < weak.loc["roc_auc_over_recency", "upper"]


def test_everybody_comes_first_and_every_slice_adds_up_to_everybody(found):
    assert found.iloc[0]["slice_name"] == "everybody"
    sizes = (
        found.drop_duplicates(["slice_name", "slice_value"]).groupby("slice_name")[["users", "churned"]].sum()
    )
    assert set(sizes.index) == {"everybody", "country", "tenure", "buyers", "value_tier"}
    assert (sizes["users"] == 1200).all()
    assert sizes["churned"].nunique() == 1


def test_a_small_slice_is_marked_and_has_no_figures(found):
    small = rows_of(found, "country", "IS")
    assert small["is_small"].all()
    assert small["users"].iloc[0] == 60
    assert set(small.index) == {"roc_auc", "brier_skill", "ece", "log_loss"}
    assert small[["value", "lower", "upper"]].isna().all(axis=None)
    assert not rows_of(found, "country", "FR")["is_small"].any()


def test_a_large_slice_with_hardly_any_churner_is_small_too():
    frame, scores = make_test()
    kept = np.flatnonzero((frame["country"] == "FR") & (frame["churned"] == 1))[19:]
    few = frame.assign(churned=frame["churned"].where(~frame.index.isin(kept), 0))
    small = rows_of(slices(few, scores, value_cutoffs=CUTOFFS, resamples=60), "country", "FR")
    assert small["users"].iloc[0] > 200
    assert small["churned"].iloc[0] == 19
    assert small["is_small"].all()


def test_a_challenger_is_compared_with_the_champion_when_that_is_the_baseline():
    frame, scores = make_test()
    compared = slices(frame, scores, value_cutoffs=CUTOFFS, baseline="champion", resamples=60)
    assert "roc_auc_over_champion" in set(compared.loc[compared["candidate"] == "recency_rule", "metric"])


def test_columns_that_a_shop_does_not_have_or_that_say_nothing_make_no_slice():
    frame, _ = make_test(40)
    known = slice_values(frame.assign(country="DE", net_amount_365d=np.nan), CUTOFFS)
    assert set(known) == {"everybody", "tenure", "buyers"}


def test_rare_values_are_other_and_null_is_unknown():
    countries = [*[f"c{number}" for number in range(12) for _ in range(12 - number)], None]
    values = slice_values(pd.DataFrame({"country": countries}), CUTOFFS)["country"]
    assert list(values.cat.categories) == [*[f"c{number}" for number in range(8)], "other"]
    assert (values == "other").sum() == 4 + 3 + 2 + 1 + 1
    few = slice_values(pd.DataFrame({"country": ["DE", "DE", None]}), CUTOFFS)["country"]
    assert list(few) == ["DE", "DE", "unknown"]


def test_bands_of_tenure_begin_on_their_first_day():
    days = pd.DataFrame({"days_since_first_paid_order": [0.0, 29, 30, 89, 90, 179, 180, 364, 365, np.nan]})
    assert list(slice_values(days, CUTOFFS)["tenure"]) == [
        "0-29 days", "0-29 days", "30-89 days", "30-89 days", "90-179 days", "90-179 days",
        "180-364 days", "180-364 days", "365 days or more", "unknown",
    ]  # fmt: skip


def test_one_time_buyers_are_known_from_their_paid_days_where_no_flag_is_delivered():
    flagged = slice_values(pd.DataFrame({"is_one_time_buyer": [1.0, 0.0, 0.0]}), CUTOFFS)["buyers"]
    counted = slice_values(pd.DataFrame({"paid_days_lifetime": [1.0, 2.0, 9.0]}), CUTOFFS)["buyers"]
    assert list(flagged) == list(counted) == ["one-time buyers", "repeat buyers", "repeat buyers"]


def test_value_tiers_follow_the_rank_of_spend():
    spend = pd.DataFrame({"net_amount_365d": np.arange(11.0)})
    tiers = list(slice_values(spend, CUTOFFS)["value_tier"])
    assert tiers == ["low value"] * 5 + ["medium value"] * 3 + ["high value"] * 3


def test_devices_are_told_by_the_share_of_mobile_events():
    share = pd.DataFrame({"mobile_event_share_90d": [0.0, 0.49, 0.5, 1.0, np.nan]})
    assert list(slice_values(share, CUTOFFS)["device"]) == [
        "mostly desktop", "mostly desktop", "mostly mobile", "mostly mobile", "no visit in 90 days",
    ]  # fmt: skip


def test_the_seed_of_value_tiers_is_read():
    cutoffs = load_value_cutoffs(REPOSITORY / "dbt_project" / "seeds" / "value_tier_cutoffs.csv")
    assert len(cutoffs) > 1
    assert min(cutoffs.values()) == 0.0
