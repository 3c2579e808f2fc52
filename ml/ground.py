"""What a contest is held on: the same snapshots, the same evening and the same patience for everybody."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from ml.backtest import Entrant, JudgedSnapshot, judge_snapshot
from ml.budget import OverBudget, stopped_after
from ml.calibration import FOLDS
from ml.dataset import Snapshots
from ml.features import FeatureContract, fit_contract

FITS = FOLDS + 1


@dataclass(frozen=True)
class Ground:
    """What is learnt from and what is tested on.

    Attributes
    ----------
    snapshots : Snapshots
        Labelled rows.
    test : date
        The snapshot to score.
    learn_from : tuple of date
        Snapshots to learn from.
    horizon_days : int
        The label's window.
    seed : int
        Of the estimators.
    fit_seconds : float
        A fit may take so long; each candidate is fitted once per fold and once on everything.
    """

    snapshots: Snapshots
    test: date
    learn_from: tuple[date, ...]
    horizon_days: int
    seed: int
    fit_seconds: float

    @cached_property
    def contract(self) -> FeatureContract:
        """What the rows to learn from have to offer: learnt once, for everybody."""
        learnt = self.snapshots.on(self.learn_from)
        return fit_contract(learnt, self.snapshots.features, horizon_days=self.horizon_days)

    def try_out(self, entrant: Entrant) -> JudgedSnapshot | str:
        """Return what an entrant says of the test snapshot; if it fails or takes too long, why."""
        try:
            with stopped_after(self.fit_seconds * FITS):
                return judge_snapshot(
                    self.snapshots,
                    [entrant],
                    test=self.test,
                    training=self.learn_from,
                    horizon_days=self.horizon_days,
                    seed=self.seed,
                    contract=self.contract,
                )
        except OverBudget as stopped:
            return str(stopped)
        except (ValueError, ArithmeticError) as failed:
            return f"{type(failed).__name__}: {failed}"
