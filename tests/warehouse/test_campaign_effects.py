"""Are the estimates right? Many small random experiments with a known effect, read out by dbt's own SQL."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from scipy import stats

from tests.warehouse.dbt_makers import Shop
from tests.warehouse.experiment_makers import build, prepare_experiments
from warehouse.connections import open_build

DAY = date(2026, 6, 30)
ASSIGNED = DAY - timedelta(days=30)
EXPERIMENTS = 300
# stratum: churn rate, effect of being treated, holdout share; the small stratum holds out more
STRATA = {
    "high/high": (0.60, -0.20, 0.40),
    "high/low": (0.50, -0.05, 0.20),
    "medium/low": (0.25, -0.02, 0.20),
}
USERS = {"high/high": 120, "high/low": 300, "medium/low": 500}
OUTCOME_COLUMNS = (
    "as_of_date date, experiment_id varchar, campaign_id varchar, user_id varchar, assigned_on date, "
    "goal_ends_on date, is_complete boolean, arm varchar, stratum varchar, risk_tier varchar, "
    "value_tier varchar, holdout_share double, action varchar, churn_probability double, "
    "orders_before integer, revenue_before double, returned_amount_before double, "
    "complaints_before integer, churned integer, orders integer, revenue double, net_margin double, "
    "returned_amount double, complaints integer, unsubscribed integer"
)


def simulated(chance: np.random.Generator, experiment: str) -> list[dict[str, Any]]:
    """Draw the users of one experiment; who is held out is chance, the effect is known."""
    rows = []
    for stratum, (rate, effect, share) in STRATA.items():
        risk_tier, value_tier = stratum.split("/")
        for number in range(USERS[stratum]):
            # the score foretells churn: that is what CUPED lives on
            probability = float(np.clip(chance.beta(rate * 3, (1 - rate) * 3), 0.01, 0.99))
            treated = chance.uniform() >= share
            churned = chance.uniform() < np.clip(probability + effect * treated * (probability / rate), 0, 1)
            spent_before = float(np.round(chance.gamma(2, 100), 2))
            orders = 0 if churned else 1 + int(chance.poisson(0.5))
            revenue = round(orders * (0.5 * spent_before + float(chance.gamma(2, 20))), 2)
            rows.append(
                {
                    "experiment_id": experiment,
                    "user_id": f"{experiment}-{stratum}-{number}",
                    "arm": "treatment" if treated else "holdout",
                    "stratum": stratum,
                    "risk_tier": risk_tier,
                    "value_tier": value_tier,
                    "holdout_share": share,
                    "churn_probability": round(probability, 6),
                    "orders_before": 1,
                    "revenue_before": spent_before,
                    "churned": int(churned),
                    "orders": orders,
                    "revenue": revenue,
                    "net_margin": round(0.4 * revenue - 0.02 * treated, 4),
                    "complaints": int(chance.uniform() < 0.02),
                    "unsubscribed": int(chance.uniform() < 0.01),
                }
            )
    return rows


def write_outcomes(shop: Shop, rows: list[dict[str, Any]]) -> None:
    usual = {
        "as_of_date": DAY,
        "campaign_id": "recommendation",
        "assigned_on": ASSIGNED,
        "goal_ends_on": DAY,
        "is_complete": True,
        "action": "recommendation",
        "returned_amount_before": 0,
        "complaints_before": 0,
        "returned_amount": 0,
    }
    with open_build(shop.settings) as connection:
        frame = duckdb.from_arrow(table([{**usual, **row} for row in rows]), connection=connection)
        connection.execute("create schema if not exists campaigns")
        connection.execute(f"create or replace table campaigns.campaign_user_outcomes ({OUTCOME_COLUMNS})")
        frame.create_view("rows_to_write")
        connection.execute("insert into campaigns.campaign_user_outcomes by name from rows_to_write")
        connection.execute(
            "create or replace table control.campaign_assignments as select experiment_id, campaign_id, "
            "user_id, arm, stratum, holdout_share, assigned_on, 'released' as launch_state, "
            "'run-1' as run_id from rows_to_write"
        )
        connection.execute("drop view rows_to_write")


def table(rows: list[dict[str, Any]]) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist(rows)


def read_out(shop: Shop) -> list[dict[str, Any]]:
    build(
        shop,
        DAY,
        "int_assignments_followed",
        "int_effect_cells",
        "int_effect_strata",
        "int_effects_estimated",
        "int_experiments_planned",
        "int_effects_judged",
        "campaign_effects",
    )
    rows = shop.rows("select to_json(t) from (from campaigns.campaign_effects) as t")
    return [json.loads(row[0]) for row in rows]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("effects"))
    prepare_experiments(shop)
    build(shop, DAY, "campaign_policy", "contact_policy", "shop_economics", command="seed")
    return shop


@pytest.fixture(scope="module")
def experiments() -> list[dict[str, Any]]:
    chance = np.random.default_rng(20260630)
    return [row for number in range(EXPERIMENTS) for row in simulated(chance, f"x{number}")]


@pytest.fixture(scope="module")
def effects(shop: Shop, experiments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    write_outcomes(shop, experiments)
    return read_out(shop)


def of(effects: list[dict[str, Any]], outcome: str, slice_name: str = "all") -> list[dict[str, Any]]:
    found = [row for row in effects if row["outcome"] == outcome and row["slice_name"] == slice_name]
    assert found, f"no effect on {outcome} for {slice_name}"
    return found


def truth(experiments: list[dict[str, Any]]) -> dict[str, float]:
    """Return each experiment's true mean effect on churn among its treated users."""
    effects: dict[str, list[float]] = {}
    for row in experiments:
        if row["arm"] == "treatment":
            rate, effect, _ = STRATA[row["stratum"]]
            probability = row["churn_probability"]
            changed = np.clip(probability + effect * probability / rate, 0, 1) - probability
            effects.setdefault(row["experiment_id"], []).append(float(changed))
    return {experiment: float(np.mean(found)) for experiment, found in effects.items()}


def binomial_bounds(n: int, share: float = 0.95) -> tuple[float, float]:
    low, high = stats.binom.interval(0.999, n, share)
    return low / n, high / n


@pytest.mark.parametrize("adjusted", ["", "adjusted_"])
def test_the_interval_covers_the_true_effect_in_95_of_100_experiments(
    effects: list[dict[str, Any]], experiments: list[dict[str, Any]], adjusted: str
) -> None:
    true = truth(experiments)
    rows = of(effects, "churned")
    assert len(rows) == EXPERIMENTS
    covered = [
        row[f"{adjusted}difference_low"] <= true[row["experiment_id"]] <= row[f"{adjusted}difference_high"]
        for row in rows
    ]
    low, high = binomial_bounds(EXPERIMENTS)
    assert low <= np.mean(covered) <= high


def test_without_an_effect_the_interval_of_every_outcome_holds_0_in_95_of_100(
    effects: list[dict[str, Any]],
) -> None:
    """Unsubscribing and complaining are chance here, in arms of very different sizes."""
    for outcome in ("complaints", "unsubscribed"):
        rows = of(effects, outcome)
        told = [row for row in rows if row["difference_low"] is not None]
        assert len(told) > 0.95 * EXPERIMENTS
        covered = np.mean([row["difference_low"] <= 0 <= row["difference_high"] for row in told])
        assert binomial_bounds(EXPERIMENTS)[0] <= covered


def test_the_estimate_is_right_on_average_with_and_without_the_covariate(
    effects: list[dict[str, Any]], experiments: list[dict[str, Any]]
) -> None:
    """Adjusting changes no expected estimate, only its noise."""
    true = truth(experiments)
    rows = of(effects, "churned")
    for column in ("difference", "adjusted_difference"):
        errors = [row[column] - true[row["experiment_id"]] for row in rows]
        noise = np.std(errors) / np.sqrt(len(errors))
        assert abs(np.mean(errors)) < 3.3 * noise, column
    for outcome in ("revenue", "net_margin"):
        gaps = [row["adjusted_difference"] - row["difference"] for row in of(effects, outcome)]
        assert abs(np.mean(gaps)) < 3.3 * np.std(gaps) / np.sqrt(len(gaps)), outcome


def test_a_covariate_that_foretells_the_outcome_takes_its_noise_away(
    effects: list[dict[str, Any]], experiments: list[dict[str, Any]]
) -> None:
    true = truth(experiments)
    rows = of(effects, "churned")
    claimed = np.mean([row["variance_reduction"] for row in rows])
    errors = {
        column: np.var([row[column] - true[row["experiment_id"]] for row in rows])
        for column in ("difference", "adjusted_difference")
    }
    seen = 1 - errors["adjusted_difference"] / errors["difference"]
    assert claimed > 0.15
    assert seen == pytest.approx(claimed, abs=0.12), "the promised reduction is the real one"
    constant = of(effects, "complaints")
    assert {row["variance_reduction"] for row in constant if row["variance_reduction"] is not None} == {0}


def pooled_variance(cells: dict[tuple[str, str], Any], stratum: str, factor: float) -> float:
    arms = [y - factor * x for x, y in (cells[stratum, arm] for arm in ("treatment", "holdout"))]
    return float(sum(((arm - arm.mean()) ** 2).sum() for arm in arms) / (sum(map(len, arms)) - 2))


def test_differences_agree_with_numpy(
    effects: list[dict[str, Any]], experiments: list[dict[str, Any]]
) -> None:
    mine = [row for row in experiments if row["experiment_id"] == "x0"]
    theta_top = theta_bottom = 0.0
    cells = {}
    for stratum in STRATA:
        for arm in ("treatment", "holdout"):
            users = [row for row in mine if (row["stratum"], row["arm"]) == (stratum, arm)]
            x = np.array([row["churn_probability"] for row in users])
            y = np.array([row["churned"] for row in users], dtype=float)
            theta_top += float(((x - x.mean()) * (y - y.mean())).sum())
            theta_bottom += float(((x - x.mean()) ** 2).sum())
            cells[stratum, arm] = (x, y)
    theta = theta_top / theta_bottom
    treated = sum(len(cells[stratum, "treatment"][0]) for stratum in STRATA)
    for name, factor in (("", 0.0), ("adjusted_", theta)):
        difference = variance = wobble = 0.0
        for stratum in STRATA:
            weight = len(cells[stratum, "treatment"][0]) / treated
            for arm, sign in (("treatment", 1), ("holdout", -1)):
                x, y = cells[stratum, arm]
                values = y - factor * x
                # never below the variance of both arms together
                spread = max(values.var(ddof=1), pooled_variance(cells, stratum, factor))
                part = weight**2 * spread / len(values)
                difference += sign * weight * values.mean()
                variance += part
                wobble += part**2 / (len(values) - 1)
        reach = stats.t.ppf(0.975, variance**2 / wobble) * np.sqrt(variance)
        (row,) = [row for row in of(effects, "churned") if row["experiment_id"] == "x0"]
        assert row[f"{name}difference"] == pytest.approx(difference, abs=1e-9)
        assert row[f"{name}difference_low"] == pytest.approx(difference - reach, abs=1e-6)
    assert row["saved_users"] == pytest.approx(-difference * treated)
    assert row["saved_users_high"] == pytest.approx(-(difference - reach) * treated, rel=1e-5)


def test_comparing_whole_arms_would_have_been_wrong(
    effects: list[dict[str, Any]], experiments: list[dict[str, Any]]
) -> None:
    """The stratum that churns most holds out most: the plain difference of means calls it an effect."""
    true = truth(experiments)
    plain = [
        row["mean_treated"] - row["mean_held_out"] - true[row["experiment_id"]]
        for row in of(effects, "churned")
    ]
    assert np.mean(plain) < -0.01


def test_slices_are_read_out_and_small_ones_are_not_judged(effects: list[dict[str, Any]]) -> None:
    assert {row["slice_value"] for row in of(effects, "churned", "risk_tier")} == {"high", "medium"}
    assert {row["slice_value"] for row in of(effects, "churned", "value_tier")} == {"high", "low"}
    assert {row["slice_value"] for row in of(effects, "churned", "stratum")} == set(STRATA)


def change(rows: list[dict[str, Any]], **changed: Any) -> list[dict[str, Any]]:
    return [{**row, **changed} for row in rows]


@pytest.fixture(scope="module")
def verdicts(shop: Shop, effects: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Experiments whose verdicts are plain; after the many, since they replace them."""
    assert effects
    rows = []
    for number in range(8000):
        arm = "treatment" if number % 2 else "holdout"
        # treated users churn in 20 of 100 cases, the others in 40
        churned = int(number % 10 < (2 if arm == "holdout" else 1) * 2)
        row = {
            "user_id": f"u{number}",
            "arm": arm,
            "stratum": "high/low",
            "risk_tier": "high",
            "value_tier": "low",
            "holdout_share": 0.5,
            "churn_probability": 0.3,
            "orders_before": 1,
            "revenue_before": 10.0,
            "churned": churned,
            "orders": 1 - churned,
            "revenue": 10.0 * (1 - churned),
            "net_margin": 4.0 * (1 - churned),
            "complaints": 0,
            "unsubscribed": int(arm == "treatment" and number % 7 == 1),
        }
        rows.append(row)
    harmful = [{**row, "churned": 1 - row["churned"]} for row in rows]
    skewed = [row for row in rows if row["arm"] == "treatment" or int(row["user_id"][1:]) % 6]
    experiments = {
        "works": rows,
        "harms": harmful,
        "skewed": skewed,
        "tiny": rows[:50],
        "early": rows[:220],
        "no_holdout": [{**row, "arm": "treatment"} for row in rows[:100]],
    }
    write_outcomes(
        shop, [row for name, users in experiments.items() for row in change(users, experiment_id=name)]
    )
    return {
        (row["experiment_id"], row["outcome"]): row for row in read_out(shop) if row["slice_name"] == "all"
    }


def test_verdicts_say_better_worse_too_small_and_stopped(
    verdicts: dict[tuple[str, str], dict[str, Any]],
) -> None:
    told = {name: verdicts[name, "churned"]["verdict"] for name in ("works", "harms", "skewed", "tiny")}
    assert told == {"works": "better", "harms": "worse", "skewed": "stopped", "tiny": "too_small"}
    assert verdicts["works", "unsubscribed"]["verdict"] == "worse", "a guardrail that a campaign broke"
    assert verdicts["works", "unsubscribed"]["is_guardrail"]
    assert verdicts["works", "complaints"]["verdict"] == "inconclusive", "nobody complained"
    assert verdicts["works", "net_margin"]["verdict"] == "better"


def test_a_sample_ratio_mismatch_stops_the_read_out(
    verdicts: dict[tuple[str, str], dict[str, Any]],
) -> None:
    row = verdicts["skewed", "churned"]
    assert row["sample_ratio_p"] < 0.001
    shown = [name for name in row if "difference" in name or name.startswith("saved_users")]
    assert len(shown) >= 9
    assert {row[name] for name in shown} == {None}


def test_a_tiny_experiment_has_no_interval(verdicts: dict[tuple[str, str], dict[str, Any]]) -> None:
    row = verdicts["tiny", "churned"]
    assert row["difference"] is not None
    assert (row["difference_low"], row["saved_users_low"], row["adjusted_difference_high"]) == (
        None,
        None,
        None,
    )
    assert verdicts["no_holdout", "churned"]["verdict"] == "stopped"


def test_an_early_look_must_see_more_than_a_final_one(
    verdicts: dict[tuple[str, str], dict[str, Any]],
) -> None:
    early = verdicts["early", "churned"]
    assert early["reading"] == "interim" and early["planned_users"] > 220
    assert early["difference_high"] < 0, "a final reading would call this better"
    assert early["verdict"] == "inconclusive"
    assert verdicts["works", "churned"]["reading"] == "final"


def test_saved_users_and_totals_follow_from_the_difference(
    verdicts: dict[tuple[str, str], dict[str, Any]],
) -> None:
    row = verdicts["works", "churned"]
    assert row["saved_users"] == pytest.approx(0.2 * 4000)
    assert row["saved_users_low"] < row["saved_users"] < row["saved_users_high"]
    margin = verdicts["works", "net_margin"]
    assert margin["total_difference"] == pytest.approx(0.2 * 4 * 4000)
    assert margin["saved_users"] is None


def test_the_same_outcomes_give_the_same_digits(shop: Shop, tmp_path: Path) -> None:
    """Rows found in another order must not change a published number."""
    assert tmp_path.exists()
    before = shop.digest("campaigns.campaign_effects")
    with open_build(shop.settings) as connection:
        connection.execute(
            "create or replace table campaigns.campaign_user_outcomes as "
            "from campaigns.campaign_user_outcomes order by md5(user_id)"
        )
    read_out(shop)
    assert shop.digest("campaigns.campaign_effects") == before
