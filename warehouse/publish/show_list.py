"""The day's list on a terminal, read from the published snapshot and nothing else."""

import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from warehouse.connections import open_read_only
from warehouse.errors import DamagedFile
from warehouse.publish.kept import kept_snapshots
from warehouse.publish.manifest import DATABASE_NAME, read_manifest
from warehouse.publish.pointer import current_snapshot, snapshots_folder
from warehouse.settings import Settings

REASON_WORDS = ("sentence_en", "code")
RECENCY_RULE = "recency_rule"
METRICS_SHOWN = {
    "roc_auc": "ROC AUC (more is better)",
    "pr_auc": "PR AUC (more)",
    "lift_at_10": "lift in the top 10 % (more)",
    "brier": "Brier score (less)",
    "log_loss": "log loss (less)",
}


def show_list(settings: Settings, top: int = 10, as_of_date: date | None = None) -> str:
    """Return the users with the highest risk, counts of tiers and campaigns, the model's standing, what next.

    Parameters
    ----------
    settings : Settings
        Says where the published folder is.
    top : int
        How many users to show.
    as_of_date : date, optional
        A day other than the one that readers are served; its newest snapshot is shown.

    Raises
    ------
    DamagedFile
        If nothing is published, or no snapshot of the day is kept.
    """
    folder = current_snapshot(settings) if as_of_date is None else _snapshot_of(settings, as_of_date)
    manifest = read_manifest(folder)
    with open_read_only(folder / DATABASE_NAME) as connection:
        sections = [
            f"{manifest.source}, as of {manifest.as_of_date}: the {top} users with the highest risk",
            _users(connection, top),
            _tiers(connection),
            _campaigns(connection),
            _standing(connection, manifest.model_version),
            _next(settings, folder),
        ]
    return "\n\n".join(section for section in sections if section)


def _snapshot_of(settings: Settings, as_of_date: date) -> Path:
    kept = kept_snapshots(settings, settings.source)
    found = [folder for manifest, folder in kept if manifest.as_of_date == as_of_date]
    if not found:
        raise DamagedFile(
            f"No snapshot of {settings.source} as of {as_of_date} is kept",
            str(snapshots_folder(settings)),
            f"run the day: `python -m dags.run_day --as-of {as_of_date}`",
        )
    return found[-1]


def _users(connection: duckdb.DuckDBPyConnection, top: int) -> str:
    columns = _columns(connection, "at_risk_users")
    reasons = [name for position in (1, 2, 3) if (name := _reason(columns, position))]
    tier = "risk_tier" if "risk_tier" in columns else "null"
    order = "risk_rank" if "risk_rank" in columns else "churn_probability desc, user_id"
    picked = ", ".join(["user_id", "churn_probability", tier, *reasons])
    rows = connection.execute(
        f"select {picked} from at_risk_users order by {order} limit ?", [top]
    ).fetchall()
    if not rows:
        return "  nobody is at risk today"
    width = max(len(row[0]) for row in rows)
    return "\n".join(
        f"  {rank:>3}  {row[0]:<{width}}  {row[1]:>6.1%}  {row[2] or '':<6}  "
        + "; ".join(str(reason) for reason in row[3:] if reason)
        for rank, row in enumerate(rows, start=1)
    )


def _reason(columns: list[str], position: int) -> str | None:
    candidates = (f"reason_{position}_{word}" for word in REASON_WORDS)
    return next((name for name in candidates if name in columns), None)


def _tiers(connection: duckdb.DuckDBPyConnection) -> str:
    counts: dict[str, int] = dict(
        connection.execute("select risk_tier, count(*) from user_risk_tiers group by all").fetchall()
    )
    total = sum(counts.values())
    order = [tier for tier in ("high", "medium", "low") if tier in counts]
    order += sorted(counts.keys() - set(order))
    lines = [f"  {tier:<8}{counts[tier]:>10,}  {counts[tier] / total:>6.1%}" for tier in order]
    return "\n".join([f"Tiers of {total:,} scored users", *lines])


def _campaigns(connection: duckdb.DuckDBPyConnection) -> str:
    """Say who was chosen for what; nothing where no campaign chose anybody."""
    rows = connection.execute(
        """
        select campaign_id, count(*) filter (where arm = 'treatment'), count(*) filter (where arm = 'holdout')
        from campaign_actions
        group by campaign_id
        order by campaign_id
        """
    ).fetchall()
    if not rows:
        return ""
    lines = [f"  {campaign:<18}{treated:>10,}  and {out:,} held out" for campaign, treated, out in rows]
    return "\n".join(["Users chosen for campaigns (nothing is sent unless HOLDFAST_SENDING=on)", *lines])


def _standing(connection: duckdb.DuckDBPyConnection, model_version: str | None) -> str:
    """Say how the model does beside the recency rule, out of time."""
    rows = connection.execute(
        "select candidate, metric, value, lower, upper, test_as_of_date, note from model_report "
        "where model_version = ?",
        [model_version],
    ).fetchall()
    if not rows:
        return f"Model {model_version}: nothing was measured; see model_report"
    figures: dict[tuple[str, str], tuple[Any, ...]] = {(row[0], row[1]): row[2:5] for row in rows}
    chosen = next((row[0] for row in rows if row[1] == "is_chosen" and row[2] == 1), RECENCY_RULE)
    tested, note = rows[0][5:]
    lines = [f"Model {model_version}: {chosen.replace('_', ' ')}. {note}".rstrip()]
    if chosen == RECENCY_RULE:
        return "\n".join([*lines, "  The recency rule itself scores this day."])
    if tested:
        lines.append(f"  on {tested}{'model':>23}{'recency rule':>15}  difference (95 % interval)")
    lines += [
        _compared(meaning, figures[chosen, metric], figures[RECENCY_RULE, metric], difference)
        for metric, meaning in METRICS_SHOWN.items()
        if (difference := figures.get((chosen, f"{metric}_over_recency")))
        and (chosen, metric) in figures
        and (RECENCY_RULE, metric) in figures
    ]
    return "\n".join(lines)


def _compared(
    meaning: str, model: tuple[Any, ...], rule: tuple[Any, ...], difference: tuple[Any, ...]
) -> str:
    gain, lower, upper = difference
    interval = "" if lower is None else f" ({lower:+.3f} to {upper:+.3f})"
    return f"  {meaning:<28}{model[0]:>8.3f}{rule[0]:>15.3f}  {gain:+.3f}{interval}"


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [row[0] for row in connection.execute(f"describe {table}").fetchall()]


def _next(settings: Settings, folder: Path) -> str:
    database = settings.published / "current" / DATABASE_NAME
    if folder != current_snapshot(settings):
        database = folder / DATABASE_NAME
    query = "select * from at_risk_users limit 5"
    code = f"import duckdb; duckdb.connect('{database}', read_only=True).sql('{query}').show()"
    return "\n".join(
        [
            "Where to look next",
            f"  the published files   {database.parent}",
            f'  in SQL                {_python()} -c "{code}"',
            "  is it sound, how old  make check-reader",
            "  Airflow               make up",
        ]
    )


def _python() -> str:
    """Return how to call the interpreter that has DuckDB, from here."""
    python, here = Path(sys.executable), Path.cwd()
    return str(python.relative_to(here) if python.is_relative_to(here) else python)
