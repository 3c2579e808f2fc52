"""Which days a run works on: from its parameter or from the event that triggered it, never from the clock."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from warehouse.errors import ContractBreach

# After an outage, this many missed days are built one after the other; older ones wait for a backfill.
CATCH_UP_DAYS = 7


def asked_days(context: Mapping[str, Any]) -> list[dt.date]:
    """Return the days that a run was asked for, oldest first.

    Parameters
    ----------
    context : mapping
        The task's context: ``params`` (``as_of_date``) and ``triggering_asset_events``, whose
        ``extra`` holds ``as_of_dates``.

    Raises
    ------
    ContractBreach
        If neither says a day, or what they say is no day. The logical date is never used: a run
        that an asset triggers has none, and a schedule says when, not which day.
    """
    asked = (context.get("params") or {}).get("as_of_date")
    if asked:
        return [parsed_day(asked)]
    days = announced_days(context)
    if not days:
        raise ContractBreach(
            "The run was told no as_of_date",
            None,
            'trigger it with a configuration: {"as_of_date": "YYYY-MM-DD"}',
        )
    return days


def announced_days(context: Mapping[str, Any]) -> list[dt.date]:
    """Return the days that the events which triggered a run name, oldest first; none after a schedule.

    Raises
    ------
    ContractBreach
        If what they name is no day.
    """
    days = {
        parsed_day(text)
        for events in (context.get("triggering_asset_events") or {}).values()
        for event in events
        for text in (event.extra or {}).get("as_of_dates", [])
    }
    return sorted(days)


def parsed_day(text: object) -> dt.date:
    """Return the date in `text`.

    Raises
    ------
    ContractBreach
        If it is not written YYYY-MM-DD.
    """
    try:
        return dt.datetime.strptime(str(text), "%Y-%m-%d").replace(tzinfo=dt.UTC).date()
    except ValueError as error:
        raise ContractBreach("as_of_date is not a day", text, "write it YYYY-MM-DD") from error


def days_to_build(
    accepted: Iterable[dt.date],
    refused: Iterable[dt.date],
    newest_built: dt.date | None,
    catch_up_days: int = CATCH_UP_DAYS,
) -> list[dt.date]:
    """Return the delivery days that features should now be built for, oldest first.

    A day is built when its delivery was accepted, it is newer than every built day, and no
    delivery up to it was refused. The first time only the newest day is built; the days before it
    are history, for a backfill to ask for.

    Parameters
    ----------
    accepted : iterable of date
        Days of the deliveries that are in the warehouse.
    refused : iterable of date
        Days of deliveries that were refused and not delivered again since.
    newest_built : date or None
        The newest day whose features passed their gate.
    catch_up_days : int
        The most days that are caught up on after an outage.
    """
    line_stops_at = min((day for day in refused if newest_built is None or day > newest_built), default=None)
    days = sorted(
        {
            day
            for day in accepted
            if (newest_built is None or day > newest_built) and (line_stops_at is None or day < line_stops_at)
        }
    )
    return days[-1:] if newest_built is None else days[-catch_up_days:]


def has_news(
    days: Iterable[dt.date], arrived: Mapping[dt.date, dt.datetime], begun: Mapping[dt.date, dt.datetime]
) -> bool:
    """Say whether building would see anything that an earlier or running build of the days did not.

    Parameters
    ----------
    days : iterable of date
        From `days_to_build`.
    arrived : mapping
        When the newest accepted delivery of each day was taken.
    begun : mapping
        When features were last begun for a day; days without a build are left out.
    """
    return any(day not in begun or begun[day] < arrived[day] for day in days)
