"""What the comparison of two samples sees, and what it leaves alone."""

import numpy as np
import pandas as pd
import pytest

from ml.drift import FEWEST_ROWS, LEAST_EFFECT, compare, compare_columns, effect_size, holm


def draws(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def with_zeros(share: float, users: int, seed: int) -> np.ndarray:
    random = draws(seed)
    return np.where(random.random(users) < share, 0.0, random.gamma(2.0, 20.0, users))


def test_the_same_rows_never_differ() -> None:
    rows = with_zeros(0.3, 400, 1)
    found = compare(rows, rows, "numeric")
    assert found.statistic == pytest.approx(0.0, abs=1e-20)
    assert (found.p_value, found.effect, found.is_drift) == (1.0, 0.0, False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([0.0] * 100, [0.0] * 100, id="a constant"),
        pytest.param([np.nan] * 100, [np.nan] * 100, id="nothing known on either side"),
        pytest.param([None] * 100, [None] * 100, id="no text on either side"),
    ],
)
def test_columns_without_any_difference_have_nothing_to_test(before: list, after: list) -> None:
    kind = "categorical" if before[0] is None else "numeric"
    found = compare(before, after, kind)
    assert (found.p_value, found.effect, found.is_drift) == (1.0, 0.0, False)


@pytest.mark.parametrize("after", [np.nan, 0.0, 7.0])
def test_a_column_that_freezes_at_one_value_is_drift(after: float) -> None:
    found = compare(draws().gamma(2.0, 20.0, 500), np.full(500, after), "numeric")
    assert found.is_drift
    assert found.p_value < 1e-20


def test_another_spread_with_the_same_middle_is_drift() -> None:
    found = compare(draws(1).normal(0, 1, 1_000), draws(2).normal(0, 2, 1_000), "numeric")
    assert found.is_drift


def test_a_million_users_do_not_make_a_trifle_matter() -> None:
    found = compare(draws(1).normal(0, 1, 300_000), draws(2).normal(0.05, 1, 300_000), "numeric")
    assert found.p_value < 1e-6
    assert found.effect < 0.01
    assert not found.is_drift


def test_the_effect_does_not_grow_with_the_number_of_users() -> None:
    effects = [
        effect_size(draws(1).normal(0, 1, users), draws(2).normal(0.6, 1, users), "numeric")
        for users in (5_000, 20_000, 200_000)
    ]
    # the symmetric divergence of two normals is the square of the shift; ten cells lose a little
    assert effects == pytest.approx([0.34] * 3, abs=0.05)


def test_the_effect_is_near_zero_where_nothing_moved_however_few_the_users() -> None:
    effects = [
        effect_size(draws(2 * n).normal(size=100), draws(2 * n + 1).normal(size=100), "numeric")
        for n in range(200)
    ]
    assert np.mean(effects) < 0.05


def test_cells_never_split_a_tie() -> None:
    before = np.repeat([1.0, 2.0, 3.0], [700, 200, 100])
    after = np.repeat([1.0, 2.0, 3.0], [600, 250, 150])
    by_hand = sum(
        (q - p) * np.log(q / p)
        for p, q in zip(
            [700.5 / 1001.5, 200.5 / 1001.5, 100.5 / 1001.5],
            [600.5 / 1001.5, 250.5 / 1001.5, 150.5 / 1001.5],
            strict=True,
        )
    )
    assert effect_size(before, after, "numeric") == pytest.approx(by_hand - 2 * (2 / 1000))


def test_numbers_beyond_all_of_the_reference_are_counted() -> None:
    before = np.arange(1.0, 1001.0)
    assert effect_size(before, before + 5_000, "numeric") > 2


def test_text_of_two_values_is_pearsons_chi_square() -> None:
    before, after = ["a"] * 60 + ["b"] * 40, ["a"] * 45 + ["b"] * 55
    pearson = 200 * (60 * 55 - 40 * 45) ** 2 / (100 * 100 * 105 * 95)
    found = compare(before, after, "categorical")
    assert found.statistic == pytest.approx(pearson * 199 / 200)


def test_rare_values_are_judged_together() -> None:
    towns = [f"town {number}" for number in range(300)]
    before = ["the capital"] * 500 + list(draws(1).choice(towns, 500))
    after = ["the capital"] * 500 + list(draws(2).choice(towns, 500))
    found = compare(before, after, "categorical")
    assert found.p_value > 0.01
    assert found.new_values == ()


def test_a_new_value_matters_from_two_users_in_a_hundred_on() -> None:
    before = ["DE"] * 700 + ["FR"] * 300
    few, many = (["DE"] * 700 + ["FR"] * (300 - new) + ["Germany"] * new for new in (12, 30))
    assert compare(before, few, "categorical").new_values == ()
    found = compare(before, many, "categorical")
    assert found.effect < LEAST_EFFECT
    assert (found.new_values, found.is_drift) == (("Germany",), True)


def test_nulls_of_text_are_a_value_of_their_own() -> None:
    found = compare(["DE"] * 900 + [None] * 100, ["DE"] * 500 + [None] * 500, "categorical")
    assert found.is_drift


def test_a_frame_with_pandas_text_and_booleans_is_compared() -> None:
    frame = pd.DataFrame({"country": ["DE", None] * 50, "has_complained": [True, False] * 50})
    other = pd.DataFrame({"country": ["GB", None] * 50, "has_complained": [True, True] * 50})
    found = compare_columns(frame, other, {"country": "categorical", "has_complained": "boolean"})
    assert {name: result.is_drift for name, result in found.items()} == {
        "country": True,
        "has_complained": True,
    }


def test_too_few_rows_are_not_judged() -> None:
    found = compare(np.zeros(FEWEST_ROWS - 1), np.ones(1_000), "numeric")
    assert np.isnan(found.p_value)
    assert not found.is_drift


def test_the_seed_only_matters_where_a_side_is_cut() -> None:
    equal = [compare(with_zeros(0.3, 200, 1), with_zeros(0.4, 200, 2), "numeric", seed=s) for s in (0, 1)]
    cut = [compare(with_zeros(0.3, 900, 1), with_zeros(0.4, 200, 2), "numeric", seed=s) for s in (0, 0, 1)]
    assert equal[0] == equal[1]
    assert cut[0] == cut[1]
    assert cut[0].statistic != cut[2].statistic


def test_holm_leaves_out_what_was_not_tested_and_keeps_the_order() -> None:
    adjusted = holm(np.array([0.2, np.nan, 0.001, 0.9]))
    assert np.isnan(adjusted[1])
    assert adjusted[[2, 0, 3]].tolist() == pytest.approx([0.003, 0.4, 0.9])
