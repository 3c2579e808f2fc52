"""Users whose churn probability is known, and scores that know it more or less well."""

import numpy as np

from ml.calibration import logistic


def make_judged(users=1_500, noise=None, seed=0):
    """Return labels and calibrated scores by name; noise is in standard deviations of the log-odds."""
    random = np.random.default_rng(seed)
    log_odds = random.normal(0, 1, users)
    churned = (random.random(users) < logistic(log_odds)).astype(np.int64)
    scores = {}
    for name, deviation in (noise or {"challenger": 0.3, "champion": 1.0, "recency": 2.0}).items():
        seen = log_odds + random.normal(0, deviation, users)
        # Log-odds shrunk to what such a blurred sight of them is worth.
        scores[name] = logistic(seen / (1 + deviation**2))
    return churned, scores
