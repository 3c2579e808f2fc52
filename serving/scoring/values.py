"""One value of a request, as the column of the source contract wants it."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

LONGEST_TEXT = 10_000
ALLOWED = {
    ("orders", "status"): ("paid", "cancelled", "refunded", "pending"),
    ("support_messages", "sender"): ("user", "agent"),
    ("consents", "purpose"): ("email", "sms", "push", "call", "profiling"),
}
WHOLE_NUMBERS = {"integer": 2**31 - 1, "bigint": 2**63 - 1}
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# Within these years no zone takes a moment out of what a timestamp can hold.
YEARS = range(1900, 2200)


class WrongValue(ValueError):
    """A value is not what its column wants; the message says what it must be."""


def typed(value: Any, sql_type: str) -> Any:
    """Return a value of a JSON document in the type of a column.

    Parameters
    ----------
    value : object
        From JSON, with numbers that have a point read as `Decimal`. None stays None.
    sql_type : str
        As the source contract spells it.

    Raises
    ------
    WrongValue
        Saying what the value must be.

    Examples
    --------
    >>> typed("2026-06-30T09:00:00+08:00", "timestamp").isoformat()
    '2026-06-30T01:00:00'
    >>> typed("7", "bigint")
    Traceback (most recent call last):
    serving.scoring.values.WrongValue: must be a whole number
    """
    return None if value is None else READERS[sql_type.split("(", maxsplit=1)[0]](value, sql_type)


def _text(value: Any, _: str) -> str:
    if not isinstance(value, str):
        raise WrongValue("must be a text: ids are text too")
    if len(value) > LONGEST_TEXT:
        raise WrongValue(f"must have at most {LONGEST_TEXT:,} characters")
    if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise WrongValue("must be a text without the sign NUL and without half signs")
    return value


def _whole_number(value: Any, sql_type: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise WrongValue("must be a whole number")
    if abs(value) > WHOLE_NUMBERS[sql_type]:
        raise WrongValue(f"must be a whole number of at most {WHOLE_NUMBERS[sql_type]}")
    return value


def _decimal(value: Any, sql_type: str) -> Decimal:
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        raise WrongValue("must be a number")
    digits, places = (int(part) for part in sql_type.removeprefix("decimal(").rstrip(")").split(","))
    number, step = Decimal(value), Decimal(1).scaleb(-places)
    if number == 0:
        return Decimal(0).quantize(step)
    # looked at before anything is worked out with it: 1e999999 is a number too
    if number.adjusted() >= digits - places:
        raise WrongValue(f"must be a number below 1e{digits - places}")
    if int(number.normalize().as_tuple().exponent) < -places:
        raise WrongValue(f"must be a number with at most {places} digits after the point")
    return number.quantize(step)


def _timestamp(value: Any, _: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise WrongValue("must be a time with its zone, like 2026-06-30T09:15:00+08:00") from None
    if moment.tzinfo is None:
        raise WrongValue("must say its zone, like 2026-06-30T09:15:00+08:00 or …Z")
    if moment.year not in YEARS:
        raise WrongValue(f"must lie between the years {YEARS.start} and {YEARS.stop - 1}")
    return moment.astimezone(UTC).replace(tzinfo=None)


def _date(value: Any, _: str) -> date:
    try:
        day = date.fromisoformat(value) if DATE.fullmatch(value) else None
    except (TypeError, ValueError):
        day = None
    if day is None or day.year not in YEARS:
        raise WrongValue("must be a day, like 2026-06-30")
    return day


def _boolean(value: Any, _: str) -> bool:
    if not isinstance(value, bool):
        raise WrongValue("must be true or false")
    return value


READERS: dict[str, Callable[[Any, str], Any]] = {
    "varchar": _text,
    "integer": _whole_number,
    "bigint": _whole_number,
    "decimal": _decimal,
    "timestamp": _timestamp,
    "date": _date,
    "boolean": _boolean,
}
