"""The tasks of ingest_deliveries."""

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypedDict

from airflow.sdk import get_current_context, task

from dags.wiring.announce import announce
from dags.wiring.assets import RAW_DELIVERIES
from dags.wiring.days import days_to_build, has_news
from dags.wiring.defaults import WRITER_POOL
from dags.wiring.runs import OpenedRun, begin, finish, opened_ledger
from warehouse.errors import ContractBreach

if TYPE_CHECKING:
    from warehouse.ledger import Delivery


# the report of the run lists every refusal
REASONS_AT_MOST = 5


class Taken(TypedDict):
    """What an ingest did: the days that can now be built, and what was refused (day and reason)."""

    as_of_dates: list[str]
    refused: list[dict[str, str]]


@task(task_id="open_runs")
def open_ingest_run() -> list[OpenedRun]:
    """Begin a ledger run, named after the newest day that has landed."""
    with opened_ledger() as (settings, _):
        days = _landed_days(folder.name for folder in settings.landing.glob("*"))
    if not days:
        raise ContractBreach(
            f"Nothing has landed in {settings.landing}",
            None,
            "put a delivery there: landing/<source>/<YYYY-MM-DD>/",
        )
    return begin("ingest", days[-1:], get_current_context())


@task(pool=WRITER_POOL)
def ingest_landed(opened: list[OpenedRun]) -> Taken:
    """Take what has landed; addresses and withdrawn consents go to where delivery looks.

    A refused delivery does not stop the others.

    Returns
    -------
    Taken
        Days to build, and refusals.
    """
    from warehouse.ingest import ingest
    from warehouse.vault import sync_people

    with opened_ledger() as (settings, ledger):
        ledger.assert_epoch_current(ledger.run(opened[0]["run_id"]))
        report = ingest(settings, ledger, progress=print)
        sync_people(settings, ledger)
        deliveries = ledger.deliveries(settings.source)
        arrived = {
            one.delivery_date: one.ingested_at
            for one in deliveries
            if one.status == "accepted" and one.ingested_at is not None
        }
        days = days_to_build(
            accepted=arrived,
            refused=[delivery.delivery_date for delivery in open_refusals(deliveries)],
            newest_built=ledger.newest_built_day(settings.source),
        )
        begun = {
            run.as_of_date: run.started_at
            for day in days
            for run in ledger.runs_of_day(settings.source, day)
            if run.kind == "features"
        }
        # a delivery that lands while its day is being built must not build it twice
        days = days if has_news(days, arrived, begun) else []
        refused = [
            {"day": outcome.delivery_date.isoformat(), "reason": str(outcome.reason)}
            for outcome in report.refused
        ]
    return {"as_of_dates": [day.isoformat() for day in days], "refused": refused}


@task(outlets=[RAW_DELIVERIES])
def announce_deliveries(taken: Taken) -> None:
    """Let the features of the delivered days be built."""
    announce(RAW_DELIVERIES, taken["as_of_dates"])


@task(trigger_rule="none_failed")
def stop_if_refused(opened: list[OpenedRun], taken: Taken) -> None:
    """End the run; fail with the reasons if a delivery was refused.

    When the run was asked for a day, what comes after that day does not concern it.
    """
    asked = get_current_context()["params"].get("as_of_date")
    refused = [one for one in taken["refused"] if not asked or one["day"] <= asked]
    if refused:
        reasons = "; ".join(f"{one['day']}: {one['reason']}" for one in refused[:REASONS_AT_MOST])
        more = len(refused) - REASONS_AT_MOST
        raise ContractBreach(
            f"Deliveries were refused. {reasons}" + (f"; and {more} more" if more > 0 else "")
        )
    finish(opened)


def open_refusals(deliveries: "Iterable[Delivery]") -> "list[Delivery]":
    """Return the refused deliveries whose day was not delivered acceptably since, in the given order."""
    mended: dict[dt.date, int] = {}
    refused = []
    for delivery in deliveries:
        if delivery.status == "refused":
            refused.append(delivery)
        else:
            mended[delivery.delivery_date] = max(
                delivery.delivery_number, mended.get(delivery.delivery_date, 0)
            )
    return [each for each in refused if mended.get(each.delivery_date, 0) < each.delivery_number]


def _landed_days(names: Iterable[Any]) -> list[dt.date]:
    days = []
    for name in names:
        try:
            days.append(dt.date.fromisoformat(name))
        except ValueError:
            continue
    return sorted(days)
