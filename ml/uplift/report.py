"""What training found, as rows of `ml.uplift_report`, and as text."""

from collections.abc import Sequence
from datetime import date

import duckdb
import pandas as pd

from ml.tables import UPLIFT_REPORT, UPLIFT_REPORT_COLUMNS, replace_rows
from ml.uplift.evaluation import CHOSEN
from ml.uplift.experiments import NET_MARGIN
from ml.uplift.store import FOLDER
from ml.uplift.training import SEED, UpliftOutcome

USERS = "users"


def report_rows(trained_as_of: date, outcomes: Sequence[UpliftOutcome]) -> pd.DataFrame:
    """Return the rows of a training: one per campaign, learner, outcome and metric.

    The rows of the ranking `chosen` carry the verdict; a campaign with too little data has one row, of the
    learner `seed`, which counts its users. What is in force are the learners of the model that decides.
    """
    rows: list[dict[str, object]] = []
    for found in outcomes:
        usual = {
            "trained_as_of": trained_as_of,
            "campaign_id": found.campaign_id,
            "rows": found.rows,
            "model_version": found.model.model_version if found.model else None,
        }
        if not found.figures:
            rows.append(
                {
                    **usual,
                    **{"learner": SEED, "outcome": NET_MARGIN, "metric": USERS},
                    **{"estimate": float(found.rows), "low": None, "high": None},
                    **{"is_in_force": False, "note": found.verdict},
                }
            )
        for outcome, figures in found.figures.items():
            in_force = found.model.names[outcome] if found.model else ""
            for figure in figures:
                is_verdict = figure.learner == CHOSEN and outcome == NET_MARGIN
                rows.append(
                    {
                        **usual,
                        **{"learner": figure.learner, "outcome": outcome, "metric": figure.metric},
                        **{"estimate": figure.estimate, "low": figure.low, "high": figure.high},
                        "is_in_force": figure.learner == in_force,
                        "note": f"{figure.reading}. {found.verdict}" if is_verdict else figure.reading,
                    }
                )
    return pd.DataFrame(rows, columns=list(UPLIFT_REPORT_COLUMNS))


def write_report(
    connection: duckdb.DuckDBPyConnection, trained_as_of: date, outcomes: Sequence[UpliftOutcome]
) -> None:
    """Replace the rows of a training day in `ml.uplift_report`."""
    frame = report_rows(trained_as_of, outcomes)
    typed = frame.astype({"estimate": "float64", "low": "float64", "high": "float64"})
    replace_rows(connection, UPLIFT_REPORT, UPLIFT_REPORT_COLUMNS, typed, {"trained_as_of": trained_as_of})


def models_in_force(connection: duckdb.DuckDBPyConnection, as_of_date: date) -> dict[str, str]:
    """Return the version of the model that decides on a day, by campaign.

    What the newest training up to the day said of a campaign holds: a model that was not in force any more is
    not, whatever came before. A campaign without one is decided by the seed.
    """
    rows = connection.execute(
        f"""
        select campaign_id, model_version
        from {UPLIFT_REPORT}
        where trained_as_of <= ?
        qualify row_number() over (
            partition by campaign_id order by trained_as_of desc, is_in_force desc, learner
        ) = 1
        order by campaign_id
        """,
        [as_of_date],
    ).fetchall()
    return {str(campaign_id): str(version) for campaign_id, version in rows if version is not None}


def report_text(connection: duckdb.DuckDBPyConnection, as_of_date: date) -> str:
    """Return what the newest training of each campaign up to a day found, as a table."""
    rows = connection.execute(
        f"""
        select campaign_id, trained_as_of, outcome, learner, metric, estimate, low, high, is_in_force, note
        from {UPLIFT_REPORT}
        where trained_as_of <= ? and (metric = 'qini' or metric like 'qini_over%' or learner = '{SEED}')
        qualify trained_as_of = max(trained_as_of) over (partition by campaign_id)
        order by campaign_id, outcome, metric, estimate desc, learner
        """,
        [as_of_date],
    ).fetchall()
    if not rows:
        return f"No uplift model was trained by {as_of_date}: the policy is the seed's."
    lines = [f"{'campaign':<18} {'outcome':<11} {'learner':<29} {'metric':<20} estimate (95 % interval)"]
    for campaign, _, outcome, learner, metric, estimate, low, high, is_in_force, _ in rows:
        interval = "" if low is None else f" ({low:+.4g} to {high:+.4g})"
        lines.append(
            f"{campaign:<18} {outcome:<11} {learner:<29} {metric:<20} {estimate:+.4g}{interval}"
            f"{'  in force' if is_in_force else ''}"
        )
    verdicts = {row[0]: (row[1], row[9]) for row in rows if _is_verdict(row)}
    lines += [f"{campaign}, {day}: {note}" for campaign, (day, note) in sorted(verdicts.items())]
    lines += [
        f"To give {campaign} back to the seed until the next training, remove models/{FOLDER}/{version}"
        for campaign, version in models_in_force(connection, as_of_date).items()
    ]
    return "\n".join(lines)


def _is_verdict(row: tuple[object, ...]) -> bool:
    return row[3] == SEED or (row[2], row[3], row[4]) == (NET_MARGIN, CHOSEN, "qini")
