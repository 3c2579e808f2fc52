"""What may be done with whom, what limits it, and filling places in order until a limit is reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from warehouse.errors import ContractBreach

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
TINY = 1e-9
NOBODY = -1


@dataclass(frozen=True)
class Options:
    """One option per user and campaign that may be chosen, ordered by user.

    Attributes
    ----------
    user : array of int, shape (options,)
        Number of the user, never falling; users are numbered from 0.
    campaign, channel : array of int, shape (options,)
        Numbers of the campaign and of the channel that it would use.
    value : array, shape (options,)
        Expected net value if the user is treated, in money.
    cost : array, shape (options,)
        Expected cost if the user is treated, in money.
    treated : array, shape (options,)
        Chance of a chosen user to be treated: 1 − holdout share.
    """

    user: Whole
    campaign: Whole
    channel: Whole
    value: Floats
    cost: Floats
    treated: Floats

    def __len__(self) -> int:
        return len(self.user)

    @property
    def users(self) -> int:
        """Users numbered so far, with or without options."""
        return int(self.user[-1]) + 1 if len(self) else 0

    @property
    def gain(self) -> Floats:
        """Expected net value of choosing the user: nothing comes of those who are then held out."""
        return self.value * self.treated

    def of(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "Options":
        """Return some of the options."""
        return Options(
            self.user[rows],
            self.campaign[rows],
            self.channel[rows],
            self.value[rows],
            self.cost[rows],
            self.treated[rows],
        )


def check_options(options: Options) -> None:
    """Refuse options that are not ordered by user, or whose numbers are none.

    Raises
    ------
    ContractBreach
        Naming what is wrong.
    """
    if (np.diff(options.user) < 0).any():
        raise ContractBreach("Options must be ordered by user", None, "sort them by user first")
    for name in ("value", "cost", "treated"):
        unknown = ~np.isfinite(getattr(options, name))
        if unknown.any():
            raise ContractBreach(
                f"The {name} of an option is not a number",
                f"{int(unknown.sum())} options",
                "leave out users for whom it is not known",
            )


@dataclass(frozen=True)
class Cap:
    """One limit over the options of a campaign, of a channel, or of all.

    Attributes
    ----------
    name : str
        For messages.
    limit : float
        Not to be exceeded.
    measure : {"users", "treated", "cost"}
        What is summed: chosen users; users expected to be treated; their expected cost.
    campaign, channel : int or None
        Whose options count; None for any.
    """

    name: str
    limit: float
    measure: Literal["users", "treated", "cost"]
    campaign: int | None = None
    channel: int | None = None

    def load(self, options: Options) -> Floats:
        """Return what each option adds to the sum, shape (options,)."""
        counts = np.ones(len(options), dtype=bool)
        if self.campaign is not None:
            counts &= options.campaign == self.campaign
        if self.channel is not None:
            counts &= options.channel == self.channel
        if self.measure == "users":
            return counts.astype(np.float64)
        if self.measure == "treated":
            return np.where(counts, options.treated, 0.0)
        return np.where(counts, options.treated * options.cost, 0.0)


def fill_places(
    options: Options,
    caps: Sequence[Cap],
    score: Floats,
    *,
    taken: Whole | None = None,
) -> Whole:
    """Choose at most one option per user in falling order of score, until a cap is reached; never beyond it.

    An option that does not fit any more closes its cap, and those users are offered their next best. So what
    stays unused of a cap is less than one option's load, and there are no more rounds than caps.

    Parameters
    ----------
    options : Options
        What may be chosen.
    caps : sequence of Cap
        All of them hold for what is returned.
    score : array, shape (options,)
        Order; of equal scores the option named first. An option whose score is not a number is never chosen.
    taken : array of int, optional
        Options that are chosen already, at most one per user, within the caps.

    Returns
    -------
    array of int
        Positions of the chosen options: those taken, then the others in the order in which they were chosen.
    """
    check_options(options)
    chosen = [np.zeros(0, dtype=np.int64) if taken is None else taken]
    left = {cap: cap.limit - float(cap.load(options.of(chosen[0])).sum()) for cap in caps}
    is_placed = np.zeros(options.users, dtype=bool)
    is_placed[options.user[chosen[0]]] = True
    open_rows = np.flatnonzero(~np.isnan(score) & ~is_placed[options.user])
    for _ in range(len(caps) + 1):
        best = _best_per_user(options.user[open_rows], score[open_rows])
        order = open_rows[best[np.argsort(-score[open_rows[best]], kind="stable")]]
        candidates = options.of(order)
        loads = {cap: cap.load(candidates) for cap in caps}
        ends = {cap: _fitting(load, left[cap]) for cap, load in loads.items()}
        end = min([*ends.values(), len(order)])
        chosen.append(order[:end])
        for cap, load in loads.items():
            left[cap] -= float(load[:end].sum())
        if end == len(order):
            break
        is_placed[options.user[order[:end]]] = True
        still = options.of(open_rows)
        is_closed = np.zeros(len(open_rows), dtype=bool)
        for cap in [cap for cap, place in ends.items() if place == end]:
            is_closed |= cap.load(still) > 0
        open_rows = open_rows[~is_closed & ~is_placed[still.user]]
    return np.concatenate(chosen)


def _best_per_user(user: Whole, score: Floats) -> Whole:
    """Return the position of the largest score of each user; of equals the first."""
    if not len(user):
        return np.zeros(0, dtype=np.int64)
    starts = np.flatnonzero(np.diff(user, prepend=-1))
    largest = np.maximum.reduceat(score, starts)
    sizes = np.diff(np.append(starts, len(user)))
    is_best = np.flatnonzero(score == np.repeat(largest, sizes))
    _, first = np.unique(user[is_best], return_index=True)
    best: Whole = is_best[first]
    return best


def _fitting(load: Floats, left: float) -> int:
    """Return how many of the first options fit into what is left of a cap."""
    running = np.cumsum(load)
    return int(np.searchsorted(running, left + TINY * max(1.0, abs(left)), side="right"))
