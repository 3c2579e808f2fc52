"""What a page may show of few people."""

import doctest
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from serving.pages import small_cells
from serving.pages.small_cells import (
    FEWEST_USERS,
    Group,
    Shown,
    folded,
    hidden_cells,
    step_of_ten,
    steps_over_time,
    two_digits,
)

TIERS = ("high", "medium", "low")
a_group = st.tuples(*[st.one_of(st.just(0), st.integers(1, 15), st.integers(10, 400))] * 3)
# a busy machine is no fault
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
groups = st.lists(a_group, max_size=8).map(
    lambda rows: [Group(f"g{i}", dict(zip(TIERS, row, strict=True))) for i, row in enumerate(rows)]
)
tables = st.integers(2, 4).flatmap(
    lambda columns: st.lists(
        st.lists(
            st.one_of(st.just(0), st.integers(0, 14), st.integers(0, 200)),
            min_size=columns,
            max_size=columns,
        ),
        min_size=2,
        max_size=4,
    )
)


def test_the_examples_in_the_documentation_are_true() -> None:
    tried = doctest.testmod(small_cells)
    assert tried.attempted >= 3
    assert tried.failed == 0


def _true_cells(shown: Shown, given_groups: list[Group]) -> list[dict[str, int]]:
    """The unrounded counts behind each line that is shown."""
    by_label = {group.label: group for group in given_groups}
    lines = [dict(by_label[group.label].counts) for group in shown.groups]
    if shown.rest is not None:
        members = [by_label[label] for label in shown.folded]
        lines.append({tier: sum(group.counts[tier] for group in members) for tier in TIERS})
    return lines


@given(groups, st.booleans())
def test_every_line_that_is_shown_is_of_no_user_or_of_ten(found: list[Group], is_sensitive: bool) -> None:
    shown = folded(found, is_sensitive=is_sensitive)
    for counts in _true_cells(shown, found):
        assert sum(counts.values()) >= FEWEST_USERS
        assert all(users == 0 or users >= FEWEST_USERS for users in counts.values())
        assert not is_sensitive or sum(users > 0 for users in counts.values()) > 1


@given(groups, st.booleans())
def test_the_total_minus_what_is_shown_tells_of_nobody_or_of_ten(
    found: list[Group], is_sensitive: bool
) -> None:
    shown = folded(found, is_sensitive=is_sensitive)
    total = sum(group.users for group in found)
    apart = sum(group.users for group in found if group.label not in shown.folded)
    if shown.groups:
        assert total - apart == 0 or total - apart >= FEWEST_USERS


@given(groups)
def test_everybody_is_shown_apart_or_folded_and_nobody_twice(found: list[Group]) -> None:
    shown = folded(found)
    labels = [*(group.label for group in shown.groups), *shown.folded]
    assert sorted(labels) == sorted(group.label for group in found if group.users)


def test_a_group_whose_users_are_all_in_one_tier_is_folded() -> None:
    all_high = Group("LU", {"high": 40, "medium": 0, "low": 0})
    mixed = Group("DE", {"high": 30, "medium": 60, "low": 90})
    shown = folded([mixed, all_high, Group("FR", {"high": 20, "medium": 10, "low": 50})], is_sensitive=True)
    assert [group.label for group in shown.groups] == ["DE"]
    assert shown.folded == ("LU", "FR")
    assert folded([mixed, all_high]).folded == ()


def test_the_smallest_group_that_is_safe_joins_a_rest_that_is_not() -> None:
    counts = {"DE": 300, "FR": 50, "LU": 4, "AT": 20}
    shown = folded([Group(label, {"users": users}) for label, users in counts.items()], rest_label="others")
    assert [group.label for group in shown.groups] == ["DE", "FR"]
    assert shown.rest is not None
    assert (shown.rest.label, shown.rest.users) == ("others", 20)


def test_amounts_of_folded_groups_are_added_and_told_to_two_digits() -> None:
    shown = folded([Group("DE", {"users": 80}, 12345.0), Group("LU", {"users": 4}, 111.0),
                    Group("AT", {"users": 9}, 222.0)])  # fmt: skip
    assert shown.groups[0].amount == 12000
    assert shown.rest is not None
    assert shown.rest.amount == 330


def test_where_everybody_is_too_few_nothing_is_shown() -> None:
    shown = folded([Group("DE", {"users": 3}), Group("LU", {"users": 4})])
    assert shown.is_empty
    assert folded([]).is_empty


def _range(
    table: list[list[int]], hidden: frozenset[tuple[int, int]], cell: tuple[int, int]
) -> tuple[float, float]:
    """Return what can be worked out of a hidden cell from everything else and all sums."""
    cells = sorted(hidden)
    rows: list[list[float]] = []
    sums: list[float] = []
    lines = [[(r, c) for c in range(len(table[0]))] for r in range(len(table))]
    lines += [[(r, c) for r in range(len(table))] for c in range(len(table[0]))]
    for line in lines:
        rows.append([1.0 if one in line else 0.0 for one in cells])
        sums.append(float(sum(table[r][c] for r, c in line if (r, c) in hidden)))
    goal = [1.0 if one == cell else 0.0 for one in cells]
    ends = [
        linprog([sign * g for g in goal], A_eq=rows, b_eq=sums, bounds=[(0, None)] * len(cells))
        for sign in (1, -1)
    ]
    assert all(end.success for end in ends)
    return ends[0].fun, -ends[1].fun


@given(tables)
def test_no_sum_tells_how_many_users_a_small_cell_has(table: list[list[int]]) -> None:
    hidden = hidden_cells(table)
    small = {(r, c) for r, row in enumerate(table) for c, users in enumerate(row) if 0 < users < FEWEST_USERS}
    assert small <= hidden
    # sums of less than ten users are not shown by anybody, and then no cell is
    if len(hidden) < len(table) * len(table[0]):
        for cell in sorted(small):
            low, high = _range(table, hidden, cell)
            assert high - low >= 1, f"{cell} of {table} with {sorted(hidden)} hidden"


@given(tables)
def test_no_line_hides_a_single_cell_or_fewer_than_ten_users(table: list[list[int]]) -> None:
    hidden = hidden_cells(table)
    for row in range(len(table)):
        gone = [table[row][column] for column in range(len(table[0])) if (row, column) in hidden]
        if gone and len(hidden) < len(table) * len(table[0]):
            assert len(gone) > 1
            assert sum(gone) >= FEWEST_USERS


def test_a_table_without_small_cells_hides_nothing() -> None:
    assert hidden_cells([[10, 0, 40], [0, 25, 10]]) == frozenset()


@given(st.lists(st.integers(0, 60), max_size=30))
def test_days_next_to_each_other_differ_by_ten_users_or_not_at_all(counts: list[int]) -> None:
    shown = steps_over_time(counts)
    assert len(shown) == len(counts)
    assert all(before == after or abs(before - after) >= FEWEST_USERS for before, after in pairwise(shown))
    assert all(users == 0 or users >= FEWEST_USERS for users in shown)


@given(st.integers(0, 10_000))
def test_counts_are_shown_in_steps_of_ten(users: int) -> None:
    assert step_of_ten(users) % FEWEST_USERS == 0
    assert (step_of_ten(users) == 0) == (users == 0)
    assert abs(step_of_ten(users) - users) <= FEWEST_USERS


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0.0, 0.0), (12345.0, 12000.0), (-987.0, -990.0), (0.0456, 0.046), (float("nan"), 0.0)],
)
def test_money_is_told_to_two_digits(amount: float, shown: float) -> None:
    assert two_digits(amount) == pytest.approx(shown)
