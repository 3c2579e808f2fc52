"""Scores single users between two daily runs, by the very functions that score a day."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.dataset import FEATURE_TABLE, readable_columns
from ml.features import check_schema
from ml.model import ChurnModel
from ml.scoring import DECILES, check_scores, score_frame
from warehouse.definitions import Definition
from warehouse.errors import ContractBreach

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DayScores:
    """The probabilities of a published day, to place single users among.

    Attributes
    ----------
    probabilities : array
        Of every user of the day, ascending.
    """

    probabilities: Floats

    @classmethod
    def of(cls, probabilities: Floats) -> "DayScores":
        """Take a day's probabilities in any order.

        Raises
        ------
        ContractBreach
            If there are none.
        """
        if not len(probabilities):
            raise ContractBreach("The published day has no scores", 0, "publish a day that was scored")
        return cls(np.sort(probabilities))

    def place(self, probability: Floats) -> tuple[Floats, NDArray[np.int32]]:
        """Return percentile (0 to 100) and decile (1 to 10, 10 the riskiest) among the day's users.

        As on the day itself, apart from ties: users with one probability share the place of the highest.

        Examples
        --------
        >>> percentile, decile = DayScores.of(np.array([0.9, 0.2, 0.5, 0.7])).place(np.array([0.5, 0.05]))
        >>> percentile.tolist(), decile.tolist()
        ([50.0, 25.0], [5, 3])
        """
        users = len(self.probabilities)
        place = np.maximum(1, np.searchsorted(self.probabilities, probability, side="right"))
        return 100.0 * place / users, np.ceil(place * DECILES / users).astype(np.int32)


def check_fit(features: Mapping[str, str], model: ChurnModel) -> None:
    """Refuse a model that reads other features than are made.

    Parameters
    ----------
    features : mapping of str to str
        SQL types by column.
    model : ChurnModel
        Who is to score.

    Raises
    ------
    ContractBreach
        Naming every column that is missing or of another kind.
    """
    check_schema(list(features.items()), model.contract)


def score_features(
    frame: pd.DataFrame, model: ChurnModel, themes: Mapping[str, str], day: DayScores, run_id: str
) -> pd.DataFrame:
    """Return the scores of feature rows of any users: probability, place in the published day, reasons.

    Parameters
    ----------
    frame : pandas.DataFrame
        as_of_date, user_id and the features, one row per user.
    model : ChurnModel
        Who scores.
    themes : mapping of str to str
        Theme of each input, for the reasons.
    day : DayScores
        The published day's scores.
    run_id : str
        The run whose snapshot is the base; written on every row.

    Returns
    -------
    pandas.DataFrame
        As `ml.scoring.score_frame`.

    Raises
    ------
    ContractBreach
        If the rows do not fit the model.
    GateFailure
        If a score is not a probability, or its reasons do not add up to it.
    """
    scores = score_frame(frame, model, themes, run_id)
    check_scores(scores, frame["user_id"])
    percentile, decile = day.place(scores["churn_probability"].to_numpy())
    return scores.assign(churn_percentile=percentile, churn_decile=decile)


class FeatureReader:
    """Reads the feature rows of a database with one user's features as a day's scoring reads them.

    Parameters
    ----------
    features : mapping of str to str
        SQL types of the feature table by column; asking the database each time takes longer than reading.
    """

    def __init__(self, features: Mapping[str, str]) -> None:
        columns = readable_columns(list(features.items()))
        self._sql = f"select as_of_date, user_id, {', '.join(columns)} from {FEATURE_TABLE} where is_eligible"

    def read(self, connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
        """Return the eligible users of the database."""
        frame: pd.DataFrame = connection.execute(self._sql).to_arrow_table().to_pandas(date_as_object=True)
        return frame


def why_not_eligible(row: Mapping[str, object] | None, definition: Definition) -> str:
    """Say in a sentence why a definition of churn does not ask about a user.

    Parameters
    ----------
    row : mapping or None
        The user's features; None where the day knows no activity of the last year.
    definition : Definition
        The definition in force.
    """
    if row is None:
        return "Nothing that this user did in the last 365 days is among the rows that count on this day."
    silence, paid_days = row["days_since_last_paid_order"], row["paid_days_lifetime"]
    if silence is None:
        return "This user has no paid order yet, and so is no customer who could leave."
    if int(str(silence)) >= definition.active_within_days:
        return (
            f"The last paid order is {silence} days old: who has none in the last "
            f"{definition.active_within_days} days has left already."
        )
    return (
        f"This user paid on {paid_days} days; the definition {definition.definition_id} asks about users "
        f"with {definition.fewest_paid_days} to {definition.most_paid_days or 'any number of'} such days."
    )
