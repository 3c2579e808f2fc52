import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import hyp2f1

from ml.buy_till_you_die import BG_NBD, MBG_NBD, BuyTillYouDie, _Likelihood, fit_buy_till_you_die
from warehouse.errors import ContractBreach

KINDS = [BG_NBD, MBG_NBD]


def simulated(kind, users, seed=0):
    """Return the truth, (x, t_x, T), and each user's orders in the 60 days that follow."""
    truth = BuyTillYouDie(kind, r=0.8, alpha=60.0, a=0.8, b=2.5)
    random = np.random.default_rng(seed)
    rate, stop = random.gamma(truth.r, 1 / truth.alpha, users), random.beta(truth.a, truth.b, users)
    age = random.integers(30, 700, users).astype(float)
    repeats, last, later, now = (np.zeros(users) for _ in range(4))
    alive = random.random(users) >= stop * (kind == MBG_NBD)
    while alive.any():
        now = now + random.exponential(1 / rate)
        bought = alive & (now <= age)
        repeats[bought] += 1
        last[bought] = now[bought]
        later[alive & (now > age) & (now <= age + 60)] += 1
        alive &= (now <= age + 60) & (random.random(users) >= stop)
    return truth, (repeats, last, age), later


def means(model):
    return np.array([model.r / model.alpha, model.a / (model.a + model.b)])


@pytest.mark.parametrize("kind", KINDS)
def test_known_parameters_are_found_again(kind):
    truth, history, _ = simulated(kind, 20_000)
    found = fit_buy_till_you_die(*history, kind=kind)
    for name in ("r", "alpha", "a", "b"):
        assert getattr(found, name) == pytest.approx(getattr(truth, name), rel=0.15)


@pytest.mark.parametrize("kind", KINDS)
def test_users_who_stopped_are_found_though_only_recent_buyers_are_seen(kind):
    truth, (repeats, last, age), _ = simulated(kind, 20_000)
    seen = age - last < 150
    history = (repeats[seen], last[seen], age[seen])
    np.testing.assert_allclose(
        means(fit_buy_till_you_die(*history, kind=kind, seen_within=150)), means(truth), rtol=0.15
    )
    blind = fit_buy_till_you_die(*history, kind=kind)
    assert means(blind)[1] < 0.1 * means(truth)[1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_exact(kind):
    _, history, _ = simulated(kind, 500)
    likelihood = _Likelihood(np.column_stack(history), kind, 150.0)
    at = np.log([0.5, 30.0, 0.6, 2.0])
    numeric = approx_fprime(at, lambda point: likelihood(point)[0], 1e-6)
    np.testing.assert_allclose(likelihood(at)[1], numeric, atol=1e-5)


def test_the_published_example_gives_the_published_number():
    # Fader, Hardie & Lee, "Implementing the BG/NBD Model for Customer Base Analysis in Excel": CDNOW in weeks
    model = BuyTillYouDie(BG_NBD, r=0.243, alpha=4.414, a=0.793, b=2.426)
    history = np.array([2.0]), np.array([30.43]), np.array([38.86])
    assert model.expected_orders(*history, days=39)[0] == pytest.approx(1.226, abs=5e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_expected_orders_are_the_closed_form(kind):
    model = BuyTillYouDie(kind, r=0.6, alpha=20.0, a=0.7, b=2.4)
    repeats, age, days = np.array([0.0, 1.0, 7.0, 30.0]), np.array([3.0, 40.0, 200.0, 700.0]), 90
    last = age / 2 * (repeats > 0)
    kept, rate = model.b + repeats + (kind == MBG_NBD), model.alpha + age
    series = hyp2f1(model.r + repeats, kept, model.a + kept - 1, days / (rate + days))
    closed = (
        (model.a + kept - 1) / (model.a - 1) * (1 - (rate / (rate + days)) ** (model.r + repeats) * series)
    )
    alive = model.probability_alive(repeats, last, age)
    np.testing.assert_allclose(model.expected_orders(repeats, last, age, days), alive * closed, rtol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_foretold_comes_true(kind):
    truth, history, later = simulated(kind, 40_000)
    silent = truth.probability_of_no_order(*history, days=60)
    expected = truth.expected_orders(*history, days=60)
    for fifth in np.array_split(np.argsort(silent), 5):
        assert (later[fifth] == 0).mean() == pytest.approx(silent[fifth].mean(), abs=0.015)
        assert later[fifth].mean() == pytest.approx(expected[fifth].mean(), abs=0.04)


def test_who_bought_once_is_alive_for_certain_in_the_first_model_only():
    once = np.zeros(2), np.zeros(2), np.array([10.0, 300.0])
    assert (BuyTillYouDie(BG_NBD, 1, 50, 1, 2).probability_alive(*once) == 1).all()
    young, old = BuyTillYouDie(MBG_NBD, 1, 50, 1, 2).probability_alive(*once)
    assert 0 < old < young < 1


def test_longer_silence_means_less_likely_alive_and_a_later_order():
    model = BuyTillYouDie(MBG_NBD, 0.8, 60, 0.8, 2.5)
    history = np.full(3, 4.0), np.array([300.0, 200.0, 100.0]), np.full(3, 300.0)
    assert (np.diff(model.probability_alive(*history)) < 0).all()
    assert (np.diff(model.probability_of_no_order(*history, days=90)) > 0).all()
    assert (np.diff(model.expected_orders(*history, days=90)) < 0).all()


@pytest.mark.parametrize("users", [0, 50])
def test_a_shop_in_which_nobody_came_back_gives_finite_numbers(users):
    once = np.zeros(users), np.zeros(users), np.full(users, 30.0)
    model = fit_buy_till_you_die(*once)
    assert np.isfinite([model.r, model.alpha, model.a, model.b]).all()
    assert np.isfinite(model.expected_orders(*once, days=90)).all()


def test_a_user_with_thousands_of_purchases_has_finite_numbers():
    model = BuyTillYouDie(MBG_NBD, 0.8, 60, 0.01, 20)
    often = np.array([5000.0]), np.array([903.0]), np.array([903.0])
    assert 0 < model.probability_alive(*often)[0] < 1
    assert model.expected_orders(*often, days=90)[0] == pytest.approx(90 * 5000 / 963, rel=0.05)


def test_the_search_comes_back_from_where_the_likelihood_is_flat():
    random = np.random.default_rng(0)
    age = random.integers(1, 40, 300).astype(float)
    model = fit_buy_till_you_die(np.zeros(300), np.zeros(300), age, seen_within=20)
    assert np.isfinite([model.r, model.alpha, model.a, model.b]).all()


def test_an_impossible_history_is_refused_with_its_numbers():
    with pytest.raises(ContractBreach, match="repeats 2, last 50, age 40"):
        fit_buy_till_you_die(np.array([2.0]), np.array([50.0]), np.array([40.0]))


def test_an_unknown_kind_is_refused():
    with pytest.raises(ContractBreach, match="mbg_nbd"):
        fit_buy_till_you_die(np.zeros(1), np.zeros(1), np.ones(1), kind="crystal_ball")
