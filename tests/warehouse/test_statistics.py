"""The statistics of `dbt_project/macros/statistics.sql`, asked of DuckDB and compared with scipy."""

import re
from typing import Any, NoReturn

import duckdb
import numpy as np
import pytest
from dbt_common.clients.jinja import BaseMacroGenerator, get_template
from dbt_common.exceptions.macros import MacroReturn
from scipy import stats

from warehouse.settings import REPOSITORY

SOURCE = (REPOSITORY / "dbt_project" / "macros" / "statistics.sql").read_text(encoding="utf-8")
MACRO = re.compile(r"{% macro (?P<name>\w+)\(.*?{%-? endmacro -?%}", re.DOTALL)


class CannotCompile(Exception):
    """What a macro raises on purpose."""


class Compiler:
    """Stands where dbt's own `exceptions` does."""

    def raise_compiler_error(self, told: str) -> NoReturn:
        raise CannotCompile(told)


def _return(value: Any) -> NoReturn:
    raise MacroReturn(value)


class Macro(BaseMacroGenerator):
    """A macro of the file, as dbt calls it."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__({"return": _return, "exceptions": Compiler()})
        self.name, self.text = name, text

    def get_name(self) -> str:
        return self.name

    def get_template(self) -> Any:
        return get_template(self.text, {})

    def __call__(self, *arguments: Any) -> Any:
        return self.call_macro(*arguments)


MACROS = {match["name"]: Macro(match["name"], match[0]) for match in MACRO.finditer(SOURCE)}
for _macro in MACROS.values():
    _macro.context |= MACROS


def asked(expression: str, **columns: Any) -> list[Any]:
    """Work out an expression over columns of numbers."""
    names = list(columns)
    rows = [
        [None if value is None else float(value) for value in row]
        for row in zip(*columns.values(), strict=True)
    ]
    values = ", ".join(f"({', '.join('?' for _ in names)})" for _ in rows)
    typed = ", ".join(f"cast({name} as double) as {name}" for name in names)
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select {expression} from (select {typed} from (values {values}) as given ({', '.join(names)}))",
            [value for row in rows for value in row],
        ).fetchall()
    return [value for (value,) in found]


def test_every_macro_of_the_file_is_found() -> None:
    assert set(MACROS) >= {
        "normal_quantile",
        "two_sided_p",
        "chi_square_p",
        "student_quantile",
        "users_needed",
    }
    assert len(MACROS) == SOURCE.count("{% macro ")


@pytest.mark.parametrize("probability", [0.8, 0.9, 0.95, 0.975, 0.995, 0.9995])
def test_a_point_of_the_normal_distribution_is_the_one_in_the_books(probability: float) -> None:
    assert MACROS["normal_quantile"](probability) == pytest.approx(stats.norm.ppf(probability), abs=1e-12)


def test_a_point_that_is_not_in_the_list_is_refused_with_the_way_out() -> None:
    with pytest.raises(CannotCompile, match=r"found 0\.7\. Add the quantile there"):
        MACROS["normal_quantile"](0.7)


def test_the_ends_of_an_interval_leave_a_fortieth_on_either_side() -> None:
    for side, wanted in (("-", 0.025), ("+", 0.975)):
        (end,) = asked(MACROS["interval_end"](side, "estimate", "error"), estimate=[2.0], error=[0.5])
        assert stats.norm.cdf(end, 2.0, 0.5) == pytest.approx(wanted, abs=1e-9)


def test_a_two_sided_p_is_that_of_the_normal_distribution_into_its_tails() -> None:
    z = np.concatenate([np.linspace(-8, 8, 161), [15.0, 30.0, 37.0]])
    found = asked(MACROS["two_sided_p"]("z"), z=z)
    np.testing.assert_allclose(found, 2 * stats.norm.sf(np.abs(z)), rtol=2e-7)
    assert asked(MACROS["two_sided_p"]("z"), z=[0.0, None])[1] is None


def test_the_p_of_a_sample_ratio_is_that_of_a_chi_square_of_one_degree() -> None:
    held_out, users, share = np.array([100, 120, 150, 60]), 1_000, 0.1
    statistic = (held_out - users * share) ** 2 / (users * share * (1 - share))
    found = asked(MACROS["chi_square_p"]("statistic"), statistic=statistic)
    wanted = [
        stats.chisquare([one, users - one], [users * share, users * (1 - share)]).pvalue for one in held_out
    ]
    np.testing.assert_allclose(found, wanted, rtol=2e-7)
    # of 1,000 users 150 are not held out by a draw of one in ten
    assert found[2] < 0.001 < found[1]


@pytest.mark.parametrize("probability", [0.975, 0.9995])
def test_a_point_of_students_distribution_is_close_to_the_exact_one(probability: float) -> None:
    degrees = np.array([30.0, 58.0, 200.0, 10_000.0])
    quantile = MACROS["normal_quantile"](probability)
    found = asked(MACROS["student_quantile"](quantile, "degrees"), degrees=degrees)
    np.testing.assert_allclose(found, stats.t.ppf(probability, degrees), rtol=1e-4)


def test_the_point_of_students_distribution_holds_from_five_degrees_on() -> None:
    found = asked(
        MACROS["student_quantile"](MACROS["normal_quantile"](0.975), "degrees"), degrees=[5.0, 8.0, 12.0]
    )
    np.testing.assert_allclose(found, stats.t.ppf(0.975, [5, 8, 12]), rtol=3e-3)


def power(users: float, base_rate: float, effect: float, share: float) -> float:
    """Return the power of the two-sided test of two shares, unpooled, with that many users in all."""
    treated_rate = base_rate - effect
    error = np.sqrt(
        treated_rate * (1 - treated_rate) / (users * (1 - share))
        + base_rate * (1 - base_rate) / (users * share)
    )
    return float(stats.norm.sf(stats.norm.ppf(0.975) - effect / error))


def test_the_users_needed_have_the_power_that_is_promised_and_one_less_has_not() -> None:
    designs = [(0.1, 0.02, 0.1), (0.1, 0.02, 0.5), (0.6, 0.05, 0.3), (0.02, 0.02, 0.2)]
    base_rate, effect, share = (list(column) for column in zip(*designs, strict=True))
    found = asked(
        MACROS["users_needed"]("base_rate", "effect", "share"),
        base_rate=base_rate,
        effect=effect,
        share=share,
    )
    for users, design in zip(found, designs, strict=True):
        assert power(users, *design) >= 0.8 > power(users - 1, *design)
    # what docs/campaigns.md tells of a churn rate of 10 % and two points
    assert [round(users, -2) for users in found[:2]] == [19_300, 6_400]


def test_a_design_that_compares_nothing_needs_no_number() -> None:
    found = asked(
        MACROS["users_needed"]("base_rate", "effect", "share"),
        base_rate=[0.1, 0.1, 0.1],
        effect=[0.0, 0.02, 0.02],
        share=[0.1, 0.0, 1.0],
    )
    assert found == [None, None, None]


def test_a_sum_in_order_does_not_depend_on_how_the_rows_were_found() -> None:
    chance = np.random.default_rng(1)
    value = chance.normal(size=500) * 10.0 ** chance.integers(-8, 8, 500)
    place = np.arange(500.0)
    there = asked(MACROS["sum_in_order"]("value", "place"), value=value, place=place)
    back = asked(MACROS["sum_in_order"]("value", "place"), value=value[::-1], place=place[::-1])
    assert there == back
    assert there[0] == pytest.approx(value.sum())
