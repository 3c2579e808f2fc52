"""On a simulated shop, whose users' true churn probability is known: how near the champion comes to it.

The truth of this shop knows who has left without a word, a quarter of those who are scored, and how often
each user wishes to buy, which two or three orders do not show. What can be known from outside is told by an
observer who knows every law of the shop and sees only its deliveries; see `tests.ml.observer`. The champion
is held to .98 of the observer's AUC, and to what that leaves of the truth's.
"""

import sys
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from ml.calendar import plan_snapshots
from ml.calibration import out_of_fold_log_odds
from ml.dataset import first_data_day, load_features
from ml.features import fit_contract, prepare
from ml.search import SearchRules
from ml.shuffled_labels import honest_range, shuffle_labels
from ml.training import TrainingOutcome, TrainingRules, read_snapshots, train
from sample_shop.shop import Shop
from sample_shop.simulation import simulate
from sample_shop.world import World
from tests.ml.observer import NOTHING, ORDER, VISIT, Observer
from warehouse.connections import open_build
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.definitions import Definition, definition_in_force, load_definitions
from warehouse.ingest import ingest
from warehouse.ledger import Ledger
from warehouse.settings import Settings

pytestmark = pytest.mark.slow

USERS, DAYS, SEED = 3_000, 420, 11
LAST = date(2026, 6, 30)
FIRST = LAST - timedelta(days=DAYS - 1)
HORIZON = 90
AS_OF = LAST - timedelta(days=HORIZON)
OF_THE_OBSERVER, OF_THE_TRUTH = 0.98, 0.86
LARGEST_CALIBRATION_ERROR = 0.05


@dataclass
class Known:
    """What became of the shop, and what the champion of AS_OF says of it.

    Attributes
    ----------
    users : pandas.DataFrame
        Eligible users of AS_OF: user_id, churned, phase, rate, and the probabilities of the truth, the
        champion, the observer, and the observer who was told what is hidden (told).
    before, after : dict of str to pandas.DataFrame
        Features of AS_OF and labelled snapshots, when the days up to AS_OF were delivered and in the end.
    """

    outcome: TrainingOutcome
    definition: Definition
    users: pd.DataFrame
    before: dict[str, pd.DataFrame]
    after: dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    home = tmp_path_factory.mktemp("truth")
    settings = Settings.from_environment(
        {"HOLDFAST_HOME": str(home), "HOLDFAST_SOURCE": "sample_shop", "HOLDFAST_MEMORY_LIMIT": "2GB"}
    )
    definition = definition_in_force(load_definitions(settings.dbt_project))
    assert definition.horizon_days == HORIZON
    simulate(World(users=USERS, seed=SEED, first_day=FIRST, days=DAYS), LAST, home)
    plan = plan_snapshots(AS_OF, HORIZON, FIRST)
    seen = []
    with Ledger.open(settings) as ledger:
        for through in (AS_OF, LAST):
            ingest(settings, ledger, through=through, progress=lambda _line: None)
            build(settings, "features", *plan.snapshots, AS_OF)
            build(settings, "labels", *sorted({AS_OF, through}))
            with open_build(settings) as connection:
                features = load_features(connection, AS_OF, definition)
                matrix = read_snapshots(
                    connection, plan.snapshots, trained_as_of=AS_OF, definition=definition, rows_at_most=None
                )
            seen.append({"features": features, "training": matrix.frame})
    with open_build(settings) as connection:
        outcome, _ = train(
            connection,
            trained_as_of=AS_OF,
            definition=definition,
            first_data_day=first_data_day(connection, AS_OF),
            rules=TrainingRules(search=SearchRules(trials=0)),
        )
        users = outcomes(connection, home)
        frame = load_features(connection, AS_OF, definition)
        assert frame["user_id"].tolist() == users["user_id"].tolist()
        users["champion"] = outcome.model.predict(frame)
        observer = observer_of(connection, home, frame)
        users["observer"] = observer.churn_probability(HORIZON)
        observer.tell(users["phase"].to_numpy(), users["rate"].to_numpy())
        users["told"] = observer.churn_probability(HORIZON)
    return Known(outcome, definition, users, *seen)


def build(settings: Settings, selector: str, *days: date) -> None:
    arguments = ["build", "--quiet", "--resource-type", "model", "--resource-type", "seed"]
    run_dbt(settings, [*arguments, "--selector", selector], dbt_vars(settings, days))


def outcomes(connection: duckdb.DuckDBPyConnection, home: Path) -> pd.DataFrame:
    """Return the eligible users of AS_OF with what was likely and what came of it."""
    truth = home / "sample_shop" / "truth"
    return connection.execute(
        f"""
        select user_id, truth.churn_probability_{HORIZON}d as truth, truth.phase,
            hidden.purchase_rate_per_day as rate, cast(labels.churned as integer) as churned
        from features.user_features as features
        inner join features.training_labels as labels using (as_of_date, user_id)
        inner join '{truth}/churn_probability.parquet' as truth using (as_of_date, user_id)
        inner join '{truth}/users.parquet' as hidden using (user_id)
        where as_of_date = $as_of and is_eligible and horizon_days = {HORIZON}
            and label_kind = 'paid_order' and label_known_on = $last
        order by user_id
        """,
        {"as_of": AS_OF, "last": LAST},
    ).df()


def observer_of(connection: duckdb.DuckDBPyConnection, home: Path, frame: pd.DataFrame) -> Observer:
    """Return an observer who has seen the deliveries up to AS_OF."""
    world = World.load(home / "sample_shop" / "world.json")
    today = world.day(AS_OF)
    days = connection.execute(
        """
        select user_id, activity_date - $first as day,
            sum(orders) > 0 as ordered, sum(sessions) > 0 as visited
        from intermediate.int_user_days
        where greatest(known_on, activity_date) <= $as_of and activity_date >= $first
            and (superseded_on is null or superseded_on > $as_of)
        group by all
        """,
        {"first": FIRST, "as_of": AS_OF},
    ).df()
    days = days[days["user_id"].isin(frame["user_id"])]
    place = pd.Index(frame["user_id"]).get_indexer(days["user_id"])
    seen = np.full((today + 1, len(frame)), NOTHING, dtype=np.int8)
    seen[days["day"], place] = np.where(days["ordered"], ORDER, np.where(days["visited"], VISIT, NOTHING))
    signup_day = today - frame["days_since_signup"].to_numpy().astype(np.int64)
    seasons = Shop.open(world, today + HORIZON + 1).seasons
    return Observer(seasons, signup_day, seen)


def expected_auc(score: pd.Series, truth: pd.Series) -> float:
    """Return the AUC that a score has on average over outcomes drawn from the truth."""
    stays, churns = 1 - truth, truth
    order = np.argsort(score.to_numpy(), kind="stable")
    stayed_below = np.cumsum(stays.to_numpy()[order])
    return float((churns.to_numpy()[order] * stayed_below).sum() / (churns.sum() * stays.sum()))


def auc(score: pd.Series, churned: pd.Series) -> float:
    return expected_auc(score, churned.astype(float))


def test_the_champion_ranks_nearly_as_well_as_can_be_known(known):
    users = known.users
    drawn = {name: auc(users[name], users["churned"]) for name in ("truth", "observer", "champion")}
    expected = {name: expected_auc(users[name], users["truth"]) for name in drawn}
    told = ", ".join(f"{name} {expected[name]:.4f} (drawn {drawn[name]:.4f})" for name in drawn)
    sys.stdout.write(f"AUC of {known.outcome.model.candidate} on {len(users)} users of {AS_OF}: {told}\n")
    assert known.outcome.model.candidate != "recency_rule"
    assert expected["champion"] >= OF_THE_OBSERVER * expected["observer"], told
    for found in (drawn, expected):
        assert found["champion"] >= OF_THE_TRUTH * found["truth"], told


def test_what_the_observer_lacks_is_hidden_from_everybody(known):
    users = known.users
    truth, observer, told = (
        expected_auc(users[name], users["truth"]) for name in ("truth", "observer", "told")
    )
    sys.stdout.write(f"AUC of the observer, told who has left and who wishes how often: {told:.4f}\n")
    assert (users["phase"] == "gone").mean() > 0.15
    assert observer < 0.92 * truth
    assert told > 0.96 * truth


def test_the_champions_probabilities_are_near_the_true_ones(known):
    users = known.users
    tenth = pd.qcut(users["champion"].rank(method="first"), 10, labels=False)
    means = users.groupby(tenth)[["champion", "truth"]].mean()
    error = float((means["champion"] - means["truth"]).abs().mean())
    bias = float(users["champion"].mean() - users["truth"].mean())
    sys.stdout.write(f"calibration error against the true probability: {error:.4f}, bias {bias:+.4f}\n")
    assert error <= LARGEST_CALIBRATION_ERROR
    assert means["champion"].corr(means["truth"]) > 0.98


def test_no_alarm_for_a_leak_is_raised_on_an_honest_shop(known):
    assert known.outcome.contest.leak_alarms == ()
    assert known.outcome.compared_on == "out_of_time"


def test_shuffled_labels_teach_the_champion_nothing(known):
    frame, model = known.after["training"], known.outcome.model
    features = tuple(replace(one, categories=(), null_share=0.0) for one in model.contract.features)
    contract = fit_contract(frame, features, horizon_days=HORIZON)
    candidate = known.outcome.contest.winner.candidate
    dealt = shuffle_labels(frame, seed=0)

    def estimator():
        return candidate.build(contract, len(frame), HORIZON, 0, {})

    log_odds = out_of_fold_log_odds(estimator, prepare(frame, contract), dealt, frame["user_id"])
    found = auc(pd.Series(log_odds), pd.Series(dealt))
    sys.stdout.write(f"AUC on shuffled labels: {found:.4f}\n")
    assert abs(found - 0.5) < honest_range(frame["user_id"].nunique(), dealt.mean())


@pytest.mark.parametrize("what", ["features", "training"])
def test_later_deliveries_change_nothing_that_the_champion_read(known, what):
    assert len(known.before[what]) > 1_000
    pd.testing.assert_frame_equal(known.before[what], known.after[what], check_exact=True)
