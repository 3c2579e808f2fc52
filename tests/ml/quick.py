"""A contest of two without a search, for tests that need a trained model and not the best one."""

from ml.candidates import candidate_named
from ml.search import SearchRules
from ml.training import TrainingRules, learn
from tests.ml.makers import PLAN, make_snapshots

QUICK = TrainingRules(
    candidates=(candidate_named("recency_rule"), candidate_named("logistic_regression")),
    search=SearchRules(trials=0),
)


def learn_quickly(snapshots=None, plan=PLAN, rules=QUICK, **others):
    """Return what training makes of some snapshots, the usual ones if none are given."""
    return learn(snapshots or make_snapshots(), plan, rules=rules, **others)
