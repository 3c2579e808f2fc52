"""What the warehouse's own experiments found: users as they were when their arm was drawn, and what followed.

The outcomes are those of `campaigns.campaign_user_outcomes`, by intention to treat: whoever was assigned
counts in their arm, reached or not. Only outcomes whose whole goal window had passed, as known on the
evening that learns, are read; inputs are those of the day of assignment, never later ones.
"""

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.dataset import FEATURE_TABLE, table_schema
from ml.features import Feature, discover_features, kind_of

OUTCOME_TABLE = "campaigns.campaign_user_outcomes"
SCORE_TABLE = "ml.churn_scores"
CHURN_PROBABILITY = "churn_probability"
# What makes an outcome; the larger of both the better.
RETAINED, NET_MARGIN = "retained", "net_margin"
OUTCOMES = (RETAINED, NET_MARGIN)


@dataclass(frozen=True)
class ExperimentRows:
    """Users of one campaign whose outcome is complete, one row each.

    Attributes
    ----------
    campaign_id : str
        The campaign.
    frame : pandas.DataFrame
        as_of_date (the day of assignment), user_id, features of that day, and the churn probability of that
        day's score; ordered by day and user.
    features : tuple of Feature
        What a model may read of it.
    treated : array of bool, shape (users,)
        Arm.
    propensity : array, shape (users,)
        Chance of that user to be treated.
    outcomes : dict of str to array, shape (users,)
        retained (1: a paid order within the goal_days) and net_margin (after coupons and contact cost).
    users_without_inputs : int
        Users left out, since the features of their day are not in the build file.
    """

    campaign_id: str
    frame: pd.DataFrame
    features: tuple[Feature, ...]
    treated: NDArray[np.bool_]
    propensity: NDArray[np.float64]
    outcomes: dict[str, NDArray[np.float64]]
    users_without_inputs: int

    def __len__(self) -> int:
        return len(self.frame)


def campaigns_measured(connection: duckdb.DuckDBPyConnection, known_on: date) -> list[str]:
    """Return the campaigns with outcomes as known on a day, by name; none before the first experiment."""
    if not table_schema(connection, OUTCOME_TABLE):
        return []
    rows = connection.execute(
        f"select distinct campaign_id from {OUTCOME_TABLE} "
        "where arm in ('treatment', 'holdout') and as_of_date <= ? order by 1",
        [known_on],
    ).fetchall()
    return [str(row[0]) for row in rows]


def load_experiment(
    connection: duckdb.DuckDBPyConnection, campaign_id: str, known_on: date
) -> ExperimentRows:
    """Read the users of a campaign whose outcome was complete on an evening.

    Of a user who took part in several experiments of the campaign, the newest complete one counts. Who could
    not have been in the other arm (a holdout share of 0 or 1) is left out: there is nobody to compare with.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file.
    campaign_id : str
        The campaign.
    known_on : date
        The evening. Outcomes are read as they were known on the newest day up to it.
    """
    schema = table_schema(connection)
    features = discover_features(schema)
    table = connection.execute(
        f"""
        with complete as (
            select *
            from {OUTCOME_TABLE}
            where
                campaign_id = $campaign_id
                and arm in ('treatment', 'holdout')
                and as_of_date = (
                    select max(as_of_date) from {OUTCOME_TABLE} where as_of_date <= $known_on
                )
                and is_complete
                and goal_ends_on <= $known_on
                and churned is not null
                and net_margin is not null
                and holdout_share > 0
                and holdout_share < 1
            qualify row_number() over (
                partition by user_id order by assigned_on desc, experiment_id
            ) = 1
        )
        select
            complete.assigned_on as as_of_date,
            complete.user_id,
            complete.arm = 'treatment' as is_treated,
            cast(1 - complete.holdout_share as double) as propensity,
            cast(1 - complete.churned as double) as retained,
            cast(complete.net_margin as double) as net_margin,
            features.user_id is not null as has_inputs,
            cast(scores.churn_probability as double) as {CHURN_PROBABILITY},
            {_columns(schema)}
        from complete
        left join {FEATURE_TABLE} as features
            on features.as_of_date = complete.assigned_on and features.user_id = complete.user_id
        left join {SCORE_TABLE} as scores
            on scores.as_of_date = complete.assigned_on and scores.user_id = complete.user_id
        order by complete.assigned_on, complete.user_id
        """,
        {"campaign_id": campaign_id, "known_on": known_on},
    ).to_arrow_table()
    found: pd.DataFrame = table.to_pandas(date_as_object=True)
    kept = found[found["has_inputs"].astype(bool)].reset_index(drop=True)
    names = [feature.name for feature in features]
    return ExperimentRows(
        campaign_id=campaign_id,
        frame=kept[["as_of_date", "user_id", CHURN_PROBABILITY, *names]],
        features=(Feature(CHURN_PROBABILITY, "numeric"), *features),
        treated=kept["is_treated"].to_numpy(dtype=bool),
        propensity=kept["propensity"].to_numpy(dtype=np.float64),
        outcomes={name: kept[name].to_numpy(dtype=np.float64) for name in OUTCOMES},
        users_without_inputs=len(found) - len(kept),
    )


def load_scored_users(connection: duckdb.DuckDBPyConnection, as_of_date: date) -> pd.DataFrame:
    """Return the users who were scored on a day with that day's features and score, ordered by user."""
    schema = table_schema(connection)
    table = connection.execute(
        f"""
        select
            scores.as_of_date,
            scores.user_id,
            cast(scores.churn_probability as double) as {CHURN_PROBABILITY},
            {_columns(schema)}
        from {SCORE_TABLE} as scores
        inner join {FEATURE_TABLE} as features using (as_of_date, user_id)
        where scores.as_of_date = $as_of_date
        order by scores.user_id
        """,
        {"as_of_date": as_of_date},
    ).to_arrow_table()
    frame: pd.DataFrame = table.to_pandas(date_as_object=True)
    return frame


def _columns(schema: list[tuple[str, str]]) -> str:
    """Return the feature columns of a select, as text or as double: as models read them."""
    types = dict(schema)
    return ", ".join(
        f'cast(features."{one.name}" as '
        f'{"varchar" if kind_of(types[one.name]) == "categorical" else "double"}) as "{one.name}"'
        for one in discover_features(schema)
    )
