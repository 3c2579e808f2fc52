"""The latent state of a chunk of users, and what remains of their lives."""

from dataclasses import dataclass, field

import numpy as np

from sample_shop import demand
from sample_shop.chance import Columns, Flags, Floats, Ints
from sample_shop.people import People
from sample_shop.service import REACH_DAYS

ABSENT, ENGAGED, FADING, GONE = range(4)
# what a session is for
BROWSE, SEEK, BUY, STRAY, FAIL = range(5)
COUPON_VALID_DAYS = 20


@dataclass
class Lives:
    """What a chunk of users did, and the truth about them.

    Attributes
    ----------
    sessions : dict
        user, day, purpose (BROWSE, SEEK, BUY, STRAY, FAIL).
    orders : dict
        user, day, satisfaction, coupon (campaign number or -1), ticket (position of the intervention whose
        coupon is used, or -1) and the fate of each paid order.
    touches : dict
        user, day, campaign, phase: of the shop's own campaigns.
    contacts : dict
        user, day, intervention (its position), phase, noticed, withdraws, complains: of what was
        delivered from outside.
    fading_day, gone_day : numpy.ndarray
        Per user: day number when fading began and of the drop-out, -1 while that has not happened.
    satisfaction : numpy.ndarray
        Per user: satisfaction at the end of the last day (or at the drop-out).
    churn : dict
        user, day, probability_30d, probability_60d, probability_90d, phase, satisfaction.
    worth : dict
        user, day, action, channel, face, noticed, extra_margin, extra_orders, saved.
    """

    sessions: Columns
    orders: Columns
    touches: Columns
    contacts: Columns
    fading_day: Ints
    gone_day: Ints
    satisfaction: Floats
    churn: Columns
    worth: Columns


@dataclass
class State:
    """The latent state of every user of a chunk, by position.

    Attributes
    ----------
    coming : numpy.ndarray
        REACH_DAYS x users: shocks on satisfaction already decided, by day modulo REACH_DAYS.
    planned : numpy.ndarray
        Day of the order that a pending wish becomes, -1 without one.
    coupon, coupon_day : numpy.ndarray
        Campaign of the shop's own coupon that the user holds, -1 without one, and the day it was given.
    ticket : numpy.ndarray
        Position of the intervention whose coupon the user holds, -1 without one.
    buys, fades, moved_until : numpy.ndarray
        Factors of the last intervention noticed, and the last day on which they hold.
    """

    phase: Ints
    satisfaction: Floats
    coming: Floats
    last_order: Ints
    planned: Ints
    coupon: Ints
    coupon_day: Ints
    touched: Flags
    fading_day: Ints
    gone_day: Ints
    ticket: Ints
    buys: Floats
    fades: Floats
    moved_until: Ints
    granted: Flags
    pages: dict[str, list[Columns]] = field(default_factory=dict)

    @classmethod
    def before_the_first_day(cls, people: People) -> "State":
        """Return the state of users none of whom has signed up."""
        n = people.count

        def never() -> Ints:
            return np.full(n, -1, dtype=np.int64)

        return cls(
            phase=np.zeros(n, dtype=np.int64),
            satisfaction=people.base_satisfaction.copy(),
            coming=np.zeros((REACH_DAYS, n)),
            last_order=np.full(n, demand.NEVER, dtype=np.int64),
            planned=never(),
            coupon=never(),
            coupon_day=never(),
            touched=np.zeros(n, dtype=np.bool_),
            fading_day=never(),
            gone_day=never(),
            ticket=never(),
            buys=np.ones(n),
            fades=np.ones(n),
            moved_until=never(),
            granted=people.granted.copy(),
        )

    def moved(self, who: Ints, day: int) -> tuple[Floats, Floats]:
        """Return the factors on buying and on fading that interventions have on a day."""
        holds = self.moved_until[who] >= day
        return np.where(holds, self.buys[who], 1.0), np.where(holds, self.fades[who], 1.0)

    def note(self, table: str, columns: Columns) -> None:
        """Keep one day's rows of a table."""
        self.pages.setdefault(table, []).append(columns)

    def table(self, table: str, empty: Columns) -> Columns:
        """Join the kept rows of a table."""
        pages = self.pages.get(table, [empty])
        return {name: np.concatenate([page[name] for page in pages]) for name in pages[0]}


def rows_of(people: People, who: Ints, day: int, **columns: Ints | Floats | Flags | int) -> Columns:
    """Make one day's rows; single numbers are repeated."""
    rows: Columns = {"user": people.number[who], "day": np.full(len(who), day, dtype=np.int64)}
    for name, values in columns.items():
        rows[name] = np.full(len(who), values) if isinstance(values, int) else values
    return rows
