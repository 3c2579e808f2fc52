"""The day's list on a terminal, read from the published snapshot and nothing else."""

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
METRICS_SHOWN = 12


def show_list(settings: Settings, top: int = 10, as_of_date: date | None = None) -> str:
    """Return the users with the highest risk, the tiers' counts, the model's standing, where to look next.

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


def _standing(connection: duckdb.DuckDBPyConnection, model_version: str | None) -> str:
    """Say how the model does beside the recency rule, out of time."""
    columns = _columns(connection, "model_report")
    if not {"model_version", "candidate", "metric", "value"} <= set(columns):
        return ""
    bounds = "lower, upper" if {"lower", "upper"} <= set(columns) else "null, null"
    tested = "test_as_of_date" if "test_as_of_date" in columns else "null"
    rows = connection.execute(
        f"select candidate, metric, value, {bounds}, {tested} from model_report "
        f"where model_version = ? and value is not null order by metric, candidate limit {METRICS_SHOWN}",
        [model_version],
    ).fetchall()
    if not rows:
        return f"Model {model_version}: nothing was measured; see model_report"
    days = sorted({str(row[5]) for row in rows if row[5]})
    title = f"Model {model_version} beside the recency rule, out of time" + (
        f" (tested on {', '.join(days)})" if days else ""
    )
    return "\n".join([title, *(_measured(row) for row in rows)])


def _measured(row: tuple[Any, ...]) -> str:
    candidate, metric, value, lower, upper, _ = row
    interval = f"  ({lower:.3f} to {upper:.3f})" if lower is not None and upper is not None else ""
    return f"  {metric:<22}{candidate:<28}{value:>8.3f}{interval}"


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [row[0] for row in connection.execute(f"describe {table}").fetchall()]


def _next(settings: Settings, folder: Path) -> str:
    database = settings.published / "current" / DATABASE_NAME
    if folder != current_snapshot(settings):
        database = folder / DATABASE_NAME
    query = "select * from at_risk_users limit 5"
    return "\n".join(
        [
            "Where to look next",
            f"  the published files   {database.parent}",
            f"  in SQL                python -c \"import duckdb; duckdb.connect('{database}', read_only=True)"
            f".sql('{query}').show()\"",
            "  is it sound, how old  make check-reader",
            "  Airflow               make up",
        ]
    )
