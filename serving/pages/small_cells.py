"""Figures about few people: what a page may show of groups of users without telling of one of them.

A page shows counts by country, tier, reason and the like to people who may not look into single users. Four
things would still tell of one user, and each has its rule here:

* a group of fewer than ten users: it is not shown (`FEWEST_USERS`);
* total minus the rest: small groups are folded together until the fold has ten users itself (`folded`), or
  a second and third cell of a crossed table is hidden with the first (`hidden_cells`);
* a group all of whose users are in one tier, which tells the tier of everybody in it: folded as well;
* yesterday's figure minus today's: counts of groups are shown in steps of ten, money to two digits.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

FEWEST_USERS = 10
AMOUNT_DIGITS = 2


@dataclass(frozen=True)
class Group:
    """Users told apart by something.

    Attributes
    ----------
    label : str
        What they have in common.
    counts : mapping of str to int
        Users by category, for instance by tier; one category where they are only counted.
    amount : float, optional
        A sum over them, in the shop's currency.
    """

    label: str
    counts: Mapping[str, int]
    amount: float | None = None

    @property
    def users(self) -> int:
        """Users of all categories."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Shown:
    """What may be shown of groups.

    Attributes
    ----------
    groups : tuple of Group
        Groups that may be shown apart, in the order given; counts in steps of ten, amounts to two digits.
    rest : Group, optional
        All others together, in the same steps. None: there are none, or too few to tell of them at all.
    folded : tuple of str
        Labels of the groups that are not shown apart. Labels are no secret: only how many they are is.
    """

    groups: tuple[Group, ...]
    rest: Group | None
    folded: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing may be shown."""
        return not self.groups and self.rest is None


def folded(groups: Sequence[Group], *, is_sensitive: bool = False, rest_label: str = "") -> Shown:
    """Fold groups together until no figure is about fewer than ten users.

    Parameters
    ----------
    groups : sequence of Group
        A partition: nobody is in two of them.
    is_sensitive : bool
        Whether to know a user's category is to know something of the user, as with tiers. Then a group all
        of whose users are in one category is folded too.
    rest_label : str
        What to call those that were folded.

    Returns
    -------
    Shown
        Every cell that is shown, and every sum or difference of cells, has no user or at least ten.

    Examples
    --------
    >>> shown = folded([Group("DE", {"users": 120}), Group("FR", {"users": 40}), Group("LU", {"users": 3})])
    >>> [(group.label, group.users) for group in shown.groups], shown.rest.users
    ([('DE', 120)], 40)
    """
    found = [group for group in groups if group.users > 0]
    is_safe = _is_diverse if is_sensitive else _has_no_small_cell
    kept = [group for group in found if is_safe(group.counts)]
    # only who is not shown apart can make the rest safe: the smallest that are shown join it first
    waiting = sorted(kept, key=lambda group: (group.users, group.label))
    out = {group.label for group in found} - {group.label for group in kept}
    while out and waiting and not is_safe(_together(found, out).counts):
        out.add(waiting.pop(0).label)
    together = _together(found, out, rest_label)
    rest = _in_steps(together) if out and is_safe(together.counts) else None
    return Shown(
        groups=tuple(_in_steps(group) for group in found if group.label not in out),
        rest=rest,
        folded=tuple(group.label for group in found if group.label in out),
    )


def hidden_cells(table: Sequence[Sequence[int]]) -> frozenset[tuple[int, int]]:
    """Return the cells of a crossed table that must be hidden when its totals are known.

    Parameters
    ----------
    table : sequence of sequence of int
        Users by row and column. The sums of rows and columns are taken as known from elsewhere.

    Returns
    -------
    frozenset of (int, int)
        Row and column of cells with one to nine users, and of further cells without which those could be
        worked out: in no line is one hidden cell alone, the hidden ones of a line are ten users or more
        together, and the users of a hidden cell could be more or fewer without changing a sum. All cells
        where a whole line has one to nine users.

    Examples
    --------
    >>> sorted(hidden_cells([[50, 4, 30], [20, 60, 25], [15, 12, 80]]))
    [(0, 1), (0, 2), (2, 1), (2, 2)]
    """
    width = len(table[0]) if table else 0
    lines = [[(row, column) for column in range(width)] for row in range(len(table))]
    lines += [[(row, column) for row in range(len(table))] for column in range(width)]
    sums = [sum(table[row][column] for row, column in line) for line in lines]
    everything = {cell for line in lines for cell in line}
    if any(0 < users < FEWEST_USERS for users in sums):
        return frozenset(everything)
    # of a line without users everybody knows everything: hiding in it hides nothing
    useless = {cell for line, users in zip(lines, sums, strict=True) if users == 0 for cell in line}
    hidden = {cell for cell in everything if 0 < table[cell[0]][cell[1]] < FEWEST_USERS}
    while more := _wanted(lines, hidden, table, everything - useless):
        hidden.add(min(more, key=_cost(table, hidden)))
    return frozenset(hidden)


def step_of_ten(users: int) -> int:
    """Return a count as it may be compared from day to day: to the nearest ten, never below what is shown."""
    return 0 if users == 0 else max(FEWEST_USERS, (users + FEWEST_USERS // 2) // FEWEST_USERS * FEWEST_USERS)


def two_digits(amount: float) -> float:
    """Return a sum to two digits, so that one user's part cannot be read off its change."""
    if amount == 0 or not math.isfinite(amount):
        return 0.0
    return round(amount, AMOUNT_DIGITS - 1 - math.floor(math.log10(abs(amount))))


def steps_over_time(counts: Sequence[int]) -> tuple[int, ...]:
    """Return a line of daily counts in which nobody's coming or going can be seen.

    A day's figure changes only when it is ten users or more away from what was shown before; so two days
    next to each other show the same, or differ by at least ten.
    """
    shown: list[int] = []
    for users in counts:
        before = shown[-1] if shown else None
        kept = 0 if users < FEWEST_USERS else users
        shown.append(kept if before is None or abs(kept - before) >= FEWEST_USERS else before)
    return tuple(shown)


def _has_no_small_cell(counts: Mapping[str, int]) -> bool:
    return sum(counts.values()) >= FEWEST_USERS and all(not 0 < n < FEWEST_USERS for n in counts.values())


def _is_diverse(counts: Mapping[str, int]) -> bool:
    return _has_no_small_cell(counts) and sum(n > 0 for n in counts.values()) > 1


def _together(groups: Sequence[Group], labels: set[str], label: str = "") -> Group:
    members = [group for group in groups if group.label in labels]
    categories = dict.fromkeys(category for group in groups for category in group.counts)
    amounts = [group.amount for group in members if group.amount is not None]
    return Group(
        label,
        {category: sum(group.counts.get(category, 0) for group in members) for category in categories},
        math.fsum(amounts) if amounts else None,
    )


def _in_steps(group: Group) -> Group:
    return Group(
        group.label,
        {category: step_of_ten(users) for category, users in group.counts.items()},
        None if group.amount is None else two_digits(group.amount),
    )


def _wanted(
    lines: Sequence[Sequence[tuple[int, int]]],
    hidden: set[tuple[int, int]],
    table: Sequence[Sequence[int]],
    useful: set[tuple[int, int]],
) -> list[tuple[int, int]]:
    """Return cells of which one must be hidden as well; none when nothing can be worked out."""
    for line in lines:
        gone = [cell for cell in line if cell in hidden]
        shown = [cell for cell in line if cell not in hidden and cell in useful]
        if gone and shown and (len(gone) == 1 or sum(table[r][c] for r, c in gone) < FEWEST_USERS):
            return shown
    for row, column in sorted(hidden):
        if _is_fixed((row, column), hidden, table):
            near = [cell for cell in useful - hidden if cell[0] == row or cell[1] == column]
            return near or sorted(useful - hidden)
    return []


def _is_fixed(cell: tuple[int, int], hidden: set[tuple[int, int]], table: Sequence[Sequence[int]]) -> bool:
    """Tell whether a hidden cell can be neither more nor fewer, given all sums and all that is shown.

    A user more in it is one fewer in another hidden cell of its column, that one more in the row of that, and
    so on until its own row is reached; and the other way round.
    """
    others = hidden - {cell}
    more = {("row", row): {("column", c) for r, c in others if r == row} for row, _ in hidden}
    fewer = {
        ("column", column): {("row", r) for r, c in others if c == column and table[r][c] > 0}
        for _, column in hidden
    }
    ways = more | fewer
    row, column = ("row", cell[0]), ("column", cell[1])
    return row not in _reached(column, ways) and column not in _reached(row, ways)


def _reached(
    start: tuple[str, int], ways: Mapping[tuple[str, int], set[tuple[str, int]]]
) -> set[tuple[str, int]]:
    seen: set[tuple[str, int]] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        if here not in seen:
            seen.add(here)
            waiting += ways.get(here, ())
    return seen


def _cost(
    table: Sequence[Sequence[int]], hidden: set[tuple[int, int]]
) -> Callable[[tuple[int, int]], tuple[bool, bool, int, tuple[int, int]]]:
    """Order cells by what hiding them costs: not empty ones, those that close a ring, those of few users."""

    def cost(cell: tuple[int, int]) -> tuple[bool, bool, int, tuple[int, int]]:
        users = table[cell[0]][cell[1]]
        return (users == 0, _is_fixed(cell, hidden | {cell}, table), users, cell)

    return cost
