"""What more data would give: a recipe fitted on fewer snapshots and on fewer users, judged out of time."""

from collections.abc import Callable, Sequence
from datetime import date

import pandas as pd

from ml.backtest import Entrant, judge_snapshot
from ml.dataset import Snapshots
from ml.evaluation import as_frame, evaluate
from ml.validation import sample_users

SHARES = (0.25, 0.5)
SNAPSHOTS = (1, 2, 4)
RESAMPLES = 200
FEWEST_PER_CLASS = 20
METRICS = ("roc_auc", "pr_auc", "brier_skill", "log_loss", "ece")
COLUMNS = ["snapshots", "history_days", "training_rows", "metric", "value", "lower", "upper"]


def learning_curve(
    snapshots: Snapshots,
    entrant: Entrant,
    *,
    test: date,
    training: Sequence[date],
    horizon_days: int,
    shares: Sequence[float] = SHARES,
    rows_at_most: int | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _line: None,
) -> pd.DataFrame:
    """Fit one recipe on the newest snapshot, the newest two, … and on all of them with a share of the users.

    Parameters
    ----------
    snapshots : Snapshots
        Labelled rows, those of `test` and `training` among them.
    entrant : Entrant
        The recipe.
    test : date
        Snapshot to judge on.
    training : sequence of date
        Snapshots to learn from, every label complete on the evening of `test`.
    horizon_days : int
        The label's window.
    shares : sequence of float
        Shares of users, between 0 and 1.
    rows_at_most : int, optional
        Above this a fit learns from a sample of users.
    resamples : int
        Bootstrap resamples of the test users.
    seed : int
        Of estimators and resamples.
    progress : callable
        Takes one line per fit.

    Returns
    -------
    pandas.DataFrame
        snapshots, history_days (from the oldest snapshot learnt from to the test), training_rows, metric,
        value, lower, upper. A fit on fewer than 20 rows of one kind, or on as many rows of as many snapshots
        as another, is left out.
    """
    newest_first = sorted(training, reverse=True)
    everything = len(snapshots.on(newest_first))
    most = everything if rows_at_most is None else min(everything, rows_at_most)
    fits = [(newest_first, int(share * most)) for share in sorted(shares)]
    counts = sorted({count for count in (*SNAPSHOTS, len(newest_first)) if count <= len(newest_first)})
    fits += [(newest_first[:count], most) for count in counts]
    found = []
    seen: set[tuple[int, int]] = set()
    for number, (learnt_from, rows) in enumerate(fits, start=1):
        churned = sample_users(snapshots.on(learnt_from), rows)["churned"]
        amount = len(learnt_from), len(churned)
        if min(churned.sum(), amount[1] - churned.sum()) < FEWEST_PER_CLASS or amount in seen:
            continue
        seen.add(amount)
        judged = judge_snapshot(
            snapshots,
            [entrant],
            test=test,
            training=learnt_from,
            horizon_days=horizon_days,
            seed=seed,
            rows_at_most=rows,
        )
        name = entrant.candidate.name
        figures = as_frame(
            evaluate(
                judged.churned,
                judged.probability,
                baseline=name,
                only=METRICS,
                resamples=resamples,
                seed=seed,
            )
        )
        found.append(
            figures.assign(
                snapshots=len(learnt_from),
                history_days=(test - min(learnt_from)).days,
                training_rows=judged.training_rows,
            )
        )
        auc = float(figures.loc[figures["metric"] == "roc_auc", "value"].iloc[0])
        progress(
            f"learning curve {number} of {len(fits)}: {name} on {judged.training_rows} rows of "
            f"{len(learnt_from)} {'snapshot' if len(learnt_from) == 1 else 'snapshots'}, AUC {auc:.3f}"
        )
    return pd.concat(found, ignore_index=True)[COLUMNS] if found else pd.DataFrame(columns=COLUMNS)
