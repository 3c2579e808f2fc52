"""One row of the day's watch: what was looked at, what was found, and whether it is an alarm."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What one check found; a row of `ml.model_health` without its day and run.

    Attributes
    ----------
    check_kind : str
        feature_drift, score_drift, tier_share, freshness, model_age, calibration or lift.
    subject : str
        What was looked at: an input, a tier, a kind of data, a metric.
    statistic : float or None
        The figure that was held to the threshold; None where it could not be judged.
    p_value : float or None
        Probability of such a figure by chance, where a test was made.
    threshold : float or None
        The limit of the figure; None where it is told and not judged.
    is_alarm : bool
        Whether somebody should look.
    sample_size : int
        Users, days or rows that the figure rests on.
    message : str
        All of it in a sentence.
    model_version : str, optional
        The model that is judged, where it is not the day's.
    """

    check_kind: str
    subject: str
    statistic: float | None
    p_value: float | None
    threshold: float | None
    is_alarm: bool
    sample_size: int
    message: str
    model_version: str = ""


def percent(share: float) -> str:
    """Return a share of 1 as a reader likes it.

    Examples
    --------
    >>> percent(0.316), percent(0.0042), percent(1.0)
    ('32 %', '0.4 %', '100 %')
    """
    return f"{share:.1%}".replace("%", " %") if 0 < share < 0.05 else f"{share:.0%}".replace("%", " %")
