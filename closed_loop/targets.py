"""What the loop must show, and whether it did."""

from dataclasses import dataclass

from scipy import stats

# of 100 small worlds, in how many the report's interval must cover the truth
COVERED = 0.90
OVER_RISK_FIRST, OVER_ORACLE, OVER_ORACLE_WANTED = 1.3, 0.70, 0.85
# a smaller number of worlds is judged by what chance allows
CHANCE = 0.01


@dataclass(frozen=True)
class Target:
    """One thing to be shown.

    Attributes
    ----------
    name : str
        What.
    value : float or None
        What was found; None where it could not be.
    wanted : str
        What it has to be, in words.
    is_met : bool
        Whether it is.
    is_judged : bool
        Whether the size is large enough to say so; what is not judged fails nothing.
    """

    name: str
    value: float | None
    wanted: str
    is_met: bool
    is_judged: bool = True


def fewest_covered(worlds: int) -> int:
    """Return how many worlds must be covered: 90 of 100, of fewer what chance leaves of 90 %."""
    if worlds >= 100:
        return round(COVERED * worlds)
    return int(stats.binom.ppf(CHANCE, worlds, COVERED))


def coverage_target(name: str, covered: int, worlds: int) -> Target:
    """Judge how often the report covers the truth."""
    fewest = fewest_covered(worlds)
    return Target(name, covered, f"at least {fewest} of {worlds}", covered >= fewest)


def ratio_target(name: str, value: float | None, least: float, *, is_judged: bool) -> Target:
    """Judge a ratio of what policies earn."""
    return Target(name, value, f"at least {least}", value is not None and value >= least, is_judged)


def zero_target(name: str, count: int) -> Target:
    """Judge what must not happen."""
    return Target(name, count, "0", count == 0)
