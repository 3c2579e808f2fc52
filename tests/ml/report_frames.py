"""The report tables of one small model, as a reader of the published snapshot finds them."""

from datetime import date

import numpy as np
import pandas as pd

from ml.curves import curves
from ml.evaluation import as_frame, evaluate
from ml.importance import WHOLE_THEME
from ml.slices import slices

CHAMPION = "boosted_trees"
TEST_DAY = date(2025, 6, 6)
EARLIER_DAY = date(2025, 5, 9)


def judged():
    """Return labels, scores, scores before calibration and slices' columns of 1,000 users."""
    random = np.random.default_rng(5)
    truth = random.random(1000)
    churned = (random.random(1000) < truth).astype(np.int64)
    scores = {
        "recency_rule": np.clip(np.round(0.5 * truth + 0.5 * random.random(1000), 1), 0.05, 0.95),
        "rfm_logistic": 0.8 * truth + 0.2 * random.random(1000),
        CHAMPION: truth,
    }
    frame = pd.DataFrame({"country": ["DE"] * 700 + ["FR"] * 250 + ["IS"] * 50, "churned": churned})
    return frame, scores, {CHAMPION: truth**2}


def report_tables():
    """Return every report table by name."""
    frame, scores, before = judged()
    churned = frame["churned"].to_numpy()
    figures = as_frame(
        evaluate(
            churned,
            scores,
            baseline="recency_rule",
            before=before,
            thresholds=dict.fromkeys(scores, 0.5),
            capacity=100,
            resamples=60,
        )
    )
    by_day = [
        figures.assign(as_of_date=day, users=1000, churn_rate=0.5, training_rows=3000)
        for day in (EARLIER_DAY, TEST_DAY)
    ]
    themed = [
        (WHOLE_THEME, "frequency", 0.08, 0.06, 0.10, 1),
        ("paid_orders_90d", "frequency", 0.05, 0.03, 0.07, 1),
        ("country", "profile", 0.0, -0.01, 0.01, 2),
    ]
    curve = [
        (snapshots, 28 * snapshots, rows, "roc_auc", 0.7 + 0.00001 * rows, 0.68, 0.76)
        for snapshots, rows in ((3, 750), (3, 1500), (1, 1000), (2, 2000), (3, 3000))
    ]
    return {
        "model_report": figures,
        "model_backtest": pd.concat(by_day, ignore_index=True),
        "model_slices": slices(frame, scores, value_cutoffs={}, resamples=60),
        "model_importance": pd.DataFrame(
            themed, columns=["feature", "theme", "importance", "lower", "upper", "importance_rank"]
        ),
        "model_learning_curve": pd.DataFrame(
            curve,
            columns=["snapshots", "history_days", "training_rows", "metric", "value", "lower", "upper"],
        ),
        "model_curves": curves(churned, scores, before),
    }
