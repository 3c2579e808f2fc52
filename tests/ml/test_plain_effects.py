"""What users with such a value did: numbers by tenths, text by category, NULL by itself."""

import json

import numpy as np
import pandas as pd
import pytest

from ml.plain_effects import effects_from_json, effects_to_json, fit_plain_effects, speaks_for

ROWS = 4000


@pytest.fixture(scope="module")
def rows():
    """Return inputs and outcomes: four in five of the silent left, one in five of the others."""
    random = np.random.default_rng(0)
    silence = random.integers(0, 200, ROWS).astype(float)
    visits = np.where(random.random(ROWS) < 0.7, 0.0, random.poisson(3, ROWS) + 1.0)
    country = pd.Categorical(random.choice(["DE", "FR"], ROWS), categories=["DE", "FR", "(other)"])
    odds = np.where(silence >= 100, 0.8, 0.2) + np.where(country == "FR", 0.1, -0.1)
    churned = (random.random(ROWS) < odds).astype(int)
    unknown = random.random(ROWS) < 0.2
    churned[unknown] = 1
    silence[unknown] = np.nan
    return pd.DataFrame({"silence": silence, "visits": visits, "country": country}), churned


def effects(rows):
    return fit_plain_effects(*rows)


def test_a_number_speaks_by_what_users_near_it_did(rows):
    found = effects(rows)["silence"].of(pd.Series([0.0, 50.0, 120.0, 199.0, 5000.0]))
    assert (found[:2] < -1).all()
    assert (found[2:] > 0.5).all()


def test_null_speaks_for_itself(rows):
    inputs, churned = rows
    (found,) = effects(rows)["silence"].of(pd.Series([np.nan]))
    base = churned.mean()
    assert churned[inputs["silence"].isna()].all()
    assert found > np.log(0.9 / 0.1) - np.log(base / (1 - base))


def test_text_speaks_by_its_category_and_a_category_that_nobody_had_says_nothing(rows):
    inputs, _ = rows
    values = pd.Series(pd.Categorical(["DE", "FR", "(other)", None], categories=["DE", "FR", "(other)"]))
    assert inputs["country"].cat.categories.tolist() == values.cat.categories.tolist()
    german, french, other, unknown = effects(rows)["country"].of(values)
    assert german < 0 < french
    assert (other, unknown) == (0.0, 0.0)


def test_a_value_that_most_users_have_is_a_cell_of_its_own(rows):
    inputs, churned = rows
    effect = effects(rows)["visits"]
    assert effect.cuts[0] == 0.0
    share = (churned[inputs["visits"] == 0].sum() + 50 * churned.mean()) / (
        (inputs["visits"] == 0).sum() + 50
    )
    expected = np.log(share / (1 - share)) - np.log(churned.mean() / (1 - churned.mean()))
    assert effect.of(pd.Series([0.0]))[0] == pytest.approx(expected)


def test_a_few_users_say_little():
    inputs = pd.DataFrame({"visits": [0.0] * 500 + [9.0]})
    churned = np.array([0, 1] * 250 + [1])
    rare = fit_plain_effects(inputs, churned)["visits"].of(pd.Series([9.0]))[0]
    assert 0 <= rare < 0.1


def test_inputs_speak_for_a_direction_or_not(rows):
    inputs = pd.DataFrame({"silence": [10.0, 10.0, 150.0], "strange": [1.0, 1.0, 1.0]})
    found = speaks_for(effects(rows), inputs, [1, 0], np.array([1.0, -1.0, 1.0]))
    assert found.tolist() == [[False, False], [False, True], [False, True]]


@pytest.mark.parametrize("churned", [np.array([]), np.zeros(3, int), np.ones(3, int)])
def test_without_both_outcomes_there_is_nothing_to_learn(churned):
    assert fit_plain_effects(pd.DataFrame({"silence": np.zeros(len(churned))}), churned) == {}


def test_an_input_that_is_null_everywhere_says_nothing():
    found = fit_plain_effects(pd.DataFrame({"silence": [np.nan] * 4}), np.array([0, 1, 0, 1]))
    assert found["silence"].of(pd.Series([np.nan, 3.0])).tolist() == [0.0, 0.0]


def test_effects_come_back_from_json_as_they_were(rows):
    found = effects(rows)
    assert effects_from_json(json.loads(json.dumps(effects_to_json(found)))) == found
