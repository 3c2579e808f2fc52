"""Which inputs a model needs: what its ranking loses out of time when an input is shuffled."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from ml.explanation import themes_of
from ml.features import prepare
from ml.model import ChurnModel, few_threads
from ml.validation import sample_users

Floats = NDArray[np.float64]
REPEATS = 3
INPUTS_AT_MOST = 30
ROWS_AT_MOST = 3_000
WHOLE_THEME = "(whole theme)"
QUANTILE = 1.959963984540054  # of the standard normal at 97.5 %
COLUMNS = ["feature", "theme", "importance", "lower", "upper", "importance_rank"]


def importance(
    model: ChurnModel,
    frame: pd.DataFrame,
    themes: Mapping[str, str],
    *,
    repeats: int = REPEATS,
    inputs_at_most: int = INPUTS_AT_MOST,
    rows_at_most: int = ROWS_AT_MOST,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _line: None,
) -> pd.DataFrame:
    """Shuffle one input after the other among the users of a test snapshot, then one theme after the other.

    An input whose contribution is zero for every user is ignored by the model: its importance is 0, without
    a shuffle. Of the others, those that contribute most (mean distance from their own mean, in log-odds) are
    shuffled; the rest is not in the frame. Inputs that say much the same stand in for each other, so each of
    them can be unimportant where all together are not: hence the themes, shuffled whole (all their inputs by
    the same shuffle).

    The interval is that of a difference of two paired AUCs (DeLong, DeLong and Clarke-Pearson, 1988),
    averaged over the shuffles, with the variance between shuffles added.

    Parameters
    ----------
    model : ChurnModel
        Fitted on earlier snapshots.
    frame : pandas.DataFrame
        The test rows: features and churned, with at least two users of each kind.
    themes : mapping of str to str
        Theme of each input, where known.
    repeats : int
        Shuffles per input, at least 2.
    inputs_at_most : int
        Inputs to shuffle.
    rows_at_most : int
        Above this a sample of users is judged.
    seed : int
        Of the shuffles.
    progress : callable
        Takes one line.

    Returns
    -------
    pandas.DataFrame
        feature, theme, importance (loss of ROC-AUC), lower, upper (95 %), importance_rank (1 is the largest).
        Rows of a theme are called "(whole theme)" and ranked among themselves; a theme of one input has none.
    """
    test = sample_users(frame, rows_at_most)
    inputs = prepare(test, model.contract)
    names = list(inputs.columns)
    groups = themes_of(model, themes)
    theme = {names[place]: name for name, places in groups.items() for place in places}
    contributions, _, _ = model.split(inputs, list(groups.values()))
    strength = np.abs(contributions - contributions.mean(axis=0)).mean(axis=0)
    ignored = [names[place] for place in np.flatnonzero(np.abs(contributions).max(axis=0) == 0)]
    used = [names[place] for place in np.argsort(-strength, kind="stable") if names[place] not in ignored]
    chosen = used[:inputs_at_most]
    progress(
        f"importance: shuffling {len(chosen)} of {len(names)} inputs {repeats} times among {len(test)} "
        f"users; the model ignores {len(ignored)}"
    )
    judge = _Shuffler(model, inputs, test["churned"].to_numpy() == 1, repeats, seed)
    single = [(name, theme[name], *judge.loss([name])) for name in chosen]
    single += [(name, theme[name], 0.0, 0.0, 0.0) for name in ignored]
    members = {name: [one for one in used if theme[one] == name] for name in groups}
    whole = [(WHOLE_THEME, name, *judge.loss(inside)) for name, inside in members.items() if len(inside) > 1]
    return pd.concat([_ranked(single), _ranked(whole)], ignore_index=True)


def _ranked(rows: list[tuple[str, str, float, float, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=COLUMNS[:-1])
    frame = frame.sort_values(["importance", "theme", "feature"], ascending=[False, True, True])
    return frame.assign(importance_rank=np.arange(1, len(frame) + 1))


class _Shuffler:
    """Scores prepared rows once as they are, and again with some inputs shuffled."""

    def __init__(
        self, model: ChurnModel, inputs: pd.DataFrame, churned: NDArray[np.bool_], repeats: int, seed: int
    ) -> None:
        self.model = model
        self.inputs = inputs
        self.churned = churned
        self.shuffles = [
            np.random.default_rng([seed, repeat]).permutation(len(inputs)) for repeat in range(repeats)
        ]
        self.whole = self._placements(inputs)

    def loss(self, names: Sequence[str]) -> tuple[float, float, float]:
        """Return the loss of AUC when some inputs are shuffled, with its interval."""
        drops = np.array(
            [
                self.whole
                - self._placements(
                    self.inputs.assign(**{name: self.inputs[name].array.take(order) for name in names})
                )
                for order in self.shuffles
            ]
        )
        of_shuffles = drops[:, self.churned].mean(axis=1)
        mean = drops.mean(axis=0)
        variance = sum(mean[kind].var(ddof=1) / kind.sum() for kind in (self.churned, ~self.churned))
        spread = QUANTILE * np.sqrt(variance + of_shuffles.var(ddof=1) / len(of_shuffles))
        loss = float(of_shuffles.mean())
        return loss, loss - float(spread), loss + float(spread)

    def _placements(self, inputs: pd.DataFrame) -> Floats:
        """Return per user the share of users of the other kind who are ranked on the right side.

        The mean over churners, and that over stayers, is the AUC.
        """
        with few_threads(len(inputs)):
            score = self.model.estimator.decision_function(inputs)
        churned = self.churned
        ranks = rankdata(score)
        placements = np.empty(len(score))
        placements[churned] = (ranks[churned] - rankdata(score[churned])) / (~churned).sum()
        placements[~churned] = 1 - (ranks[~churned] - rankdata(score[~churned])) / churned.sum()
        return placements
