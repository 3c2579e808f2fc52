"""The draw of the arms, as the dbt macro `hash_bucket` draws them."""

import hashlib

HOLDOUT, TREATMENT, GLOBAL_CONTROL = "holdout", "treatment", "global_control"
HEX_DIGITS = 13


def bucket(salt: str, experiment_id: str, user_id: str) -> float:
    """Return a number in [0, 1) from salt, experiment and user; the same for ever.

    Examples
    --------
    >>> round(bucket("call-1", "service_call_1", "u1"), 6)
    0.725812
    """
    digest = hashlib.md5(f"{salt}:{experiment_id}:{user_id}".encode(), usedforsecurity=False)
    return float(int(digest.hexdigest()[:HEX_DIGITS], 16) / 16**HEX_DIGITS)


def arm(salt: str, experiment_id: str, user_id: str, holdout_share: float) -> str:
    """Return the arm that a user who was never assigned is drawn into."""
    return HOLDOUT if bucket(salt, experiment_id, user_id) < holdout_share else TREATMENT
