"""How large the loop is: for a person who wants the figures, and for CI."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """One size of the closed loop.

    Attributes
    ----------
    name : str
        What it is called (``SIZE=``).
    users : int
        Users who sign up before the last day.
    history_days, loop_days : int
        Days before the first round, and days of rounds.
    round_days : int
        Days from one round to the next.
    learns_from : int
        Round after which the uplift models are trained for the first time; the worlds of the two policies are
        one until then.
    judged_days : int
        The last days, in which policies are compared.
    seeds : int
        Small worlds in which the report's intervals are compared with the truth.
    capacity : dict of str to int
        Users whom each campaign may take on in a round, held-out ones among them.
    judges_policies : bool
        Whether the size is large enough to hold policies to their targets.
    """

    name: str
    users: int
    history_days: int
    loop_days: int
    round_days: int
    learns_from: int
    judged_days: int
    seeds: int
    capacity: dict[str, int]
    judges_policies: bool

    @property
    def rounds(self) -> int:
        """How many rounds there are."""
        return 1 + (self.loop_days - 1) // self.round_days

    def round_day(self, number: int) -> int:
        """Return the day number at whose end round ``number`` (from 0) decides."""
        return self.history_days - 1 + number * self.round_days

    @property
    def last_day(self) -> int:
        """The last simulated day number."""
        return self.history_days - 1 + self.loop_days


FIRST_DAY = dt.date(2025, 7, 1)
SIZES = {
    "full": Size(
        name="full",
        users=20_000,
        history_days=210,
        loop_days=120,
        round_days=7,
        learns_from=7,
        judged_days=30,
        seeds=100,
        capacity={"recommendation": 1_300, "win_back_coupon": 400, "service_call": 50},
        judges_policies=True,
    ),
    "small": Size(
        name="small",
        users=2_500,
        history_days=135,
        loop_days=40,
        round_days=20,
        learns_from=1,
        judged_days=30,
        seeds=40,
        capacity={"recommendation": 200, "win_back_coupon": 100, "service_call": 15},
        judges_policies=False,
    ),
}
