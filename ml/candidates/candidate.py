"""What a candidate is: a name, how to build it, how to split its score, and what may be tuned."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features import FeatureContract

Floats = NDArray[np.float64]
Parameters = Mapping[str, Any]
Build = Callable[[FeatureContract, int, int, int, Parameters], Any]
Contributions = Callable[[Any, pd.DataFrame], tuple[Floats, float]]


@dataclass(frozen=True)
class Parameter:
    """One setting of a candidate that the search may vary.

    Attributes
    ----------
    name : str
        Key under which `build` finds it.
    low, high : float
        The smallest and largest value, both allowed; unused where there are choices.
    is_log : bool
        Values are spread evenly over the logarithm.
    is_whole : bool
        Only whole numbers.
    choices : tuple
        The only values allowed, if there are any.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    is_log: bool = False
    is_whole: bool = False
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """One entry of the contest.

    Attributes
    ----------
    name : str
        What reports call it; the name of its file.
    build : callable
        (contract, rows, horizon_days, seed, parameters) -> unfitted scikit-learn estimator with
        `decision_function` (log-odds of churn). Parameters that are not given keep their default.
    contributions : callable
        (fitted estimator, prepared frame) -> (rows x inputs log-odds, base log-odds); row sums plus the base
        are the estimator's log-odds. None: they are measured by `ml.replacement`, and the estimator has a
        `reference_`.
    complexity : int
        How much there is to understand: 0 a rule, 1 one equation, 2 a tree, 3 many trees or a network,
        4 several models. Candidates compete in this order, and the simpler one wins a tie.
    reads : tuple of str
        The only columns it reads; empty for every input.
    space : tuple of Parameter
        What the search may vary; empty for nothing.
    members : tuple of str
        Candidates that it is made of; `build` takes their settings under their names.
    trusted_types : tuple of str
        Types, beside scikit-learn's own, that its model file may hold.
    """

    name: str
    build: Build
    contributions: Contributions | None
    complexity: int = 3
    reads: tuple[str, ...] = ()
    space: tuple[Parameter, ...] = ()
    members: tuple[str, ...] = ()
    trusted_types: tuple[str, ...] = ()
