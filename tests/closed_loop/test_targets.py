"""When is the loop closed well enough?"""

import pytest

from closed_loop.targets import coverage_target, fewest_covered, ratio_target, zero_target


def test_of_100_worlds_90_must_be_covered() -> None:
    assert fewest_covered(100) == 90
    assert coverage_target("coverage", 90, 100).is_met
    assert not coverage_target("coverage", 89, 100).is_met


def test_fewer_worlds_are_judged_by_what_chance_allows() -> None:
    assert 30 <= fewest_covered(40) < 36
    assert fewest_covered(40) > 0.75 * 40


@pytest.mark.parametrize(("value", "is_met"), [(1.3, True), (1.29, False), (None, False)])
def test_a_ratio_is_met_from_its_least_value_on(value: float | None, is_met: bool) -> None:
    assert ratio_target("ratio", value, 1.3, is_judged=True).is_met is is_met


def test_what_must_not_happen_is_met_by_none_of_it() -> None:
    assert zero_target("contamination", 0).is_met
    assert not zero_target("contamination", 1).is_met
