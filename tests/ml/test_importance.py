import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ml.backtest import Entrant, judge_snapshot
from ml.candidates import candidate_named
from ml.importance import WHOLE_THEME, importance
from tests.ml.makers import HORIZON, PLAN, make_snapshots

THEMES = {"paid_orders_30d": "frequency", "paid_orders_90d": "frequency", "gap_mean_days": "gaps"}


@pytest.fixture(scope="module")
def judged():
    snapshots = make_snapshots(600)
    entrants = [Entrant(candidate_named(name)) for name in ("recency_rule", "logistic_regression")]
    return judge_snapshot(
        snapshots, entrants, test=PLAN.test, training=PLAN.training, horizon_days=HORIZON, seed=0
    )


@pytest.fixture(scope="module")
def found(judged):
    return importance(judged.models["logistic_regression"], judged.frame, THEMES)


def inputs(frame):
    return frame[frame["feature"] != WHOLE_THEME].set_index("feature")


def test_what_drives_churn_is_important_and_what_does_not_is_not(found):
    alone = inputs(found)
    assert alone["importance"].idxmax() == "paid_orders_90d"
    assert alone.loc["paid_orders_90d", "lower"] > 0.05
    assert alone.loc["country", "lower"] < 0 < alone.loc["country", "upper"]
    assert alone.loc["paid_orders_90d", "importance_rank"] == 1


def test_ranks_count_from_the_most_important(found):
    alone = inputs(found)
    assert sorted(alone["importance_rank"]) == list(range(1, len(alone) + 1))
    assert alone.sort_values("importance_rank")["importance"].is_monotonic_decreasing


def test_a_theme_of_several_inputs_is_shuffled_whole(found):
    whole = found[found["feature"] == WHOLE_THEME].set_index("theme")
    assert list(whole.index) == ["frequency"]
    alone = inputs(found)
    assert whole.loc["frequency", "importance"] > alone.loc["paid_orders_90d", "importance"] - 0.02
    assert whole.loc["frequency", "importance_rank"] == 1


def test_inputs_that_the_model_ignores_cost_nothing(judged):
    rule = judged.models["recency_rule"]
    ignoring = importance(rule, judged.frame, THEMES)
    assert list(ignoring["feature"]) == ["days_since_last_paid_order"]
    trees = candidate_named("boosted_trees")
    stump = judge_snapshot(
        make_snapshots(300),
        [Entrant(trees, {"trees": 2, "leaves": 2, "input_share": 1.0})],
        test=PLAN.test,
        training=PLAN.training,
        horizon_days=HORIZON,
        seed=0,
    )
    alone = inputs(importance(stump.models["boosted_trees"], stump.frame, THEMES))
    assert (alone["importance"] == 0).sum() >= 4
    assert (alone.loc[alone["importance"] == 0, ["lower", "upper"]] == 0).all(axis=None)


def test_only_the_strongest_inputs_are_shuffled_and_that_is_told(judged):
    lines = []
    few = importance(
        judged.models["logistic_regression"], judged.frame, THEMES, inputs_at_most=2, progress=lines.append
    )
    assert set(inputs(few).index) == {"paid_orders_90d", "has_complained"}
    assert lines[0].startswith("importance: shuffling 2 of 6 inputs 3 times among 600 users")


def test_the_same_seed_gives_the_same_importance(judged, found):
    again = importance(judged.models["logistic_regression"], judged.frame, THEMES)
    assert again.equals(found)
    other = importance(judged.models["logistic_regression"], judged.frame, THEMES, seed=1)
    assert not other.equals(found)


def test_the_loss_is_that_of_the_auc(judged):
    few_churners = judged.frame.drop(judged.frame.index[judged.churned == 1][100:])
    model = judged.models["recency_rule"]
    row = importance(model, few_churners, THEMES, repeats=3).iloc[0]
    churned, score = few_churners["churned"].to_numpy(), model.log_odds(few_churners)
    shuffled = [np.random.default_rng([0, repeat]).permutation(len(score)) for repeat in range(3)]
    lost = roc_auc_score(churned, score) - np.mean(
        [roc_auc_score(churned, score[order]) for order in shuffled]
    )
    assert row["importance"] == pytest.approx(lost)
    assert row["lower"] < row["importance"] < row["upper"] < row["lower"] + 0.25


def test_a_sample_of_users_is_judged_where_there_are_many(judged):
    lines = []
    importance(judged.models["recency_rule"], judged.frame, THEMES, rows_at_most=300, progress=lines.append)
    users = int(lines[0].split("among ")[1].split()[0])
    assert 200 < users < 400
