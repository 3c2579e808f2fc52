"""Types of parameters that several routes share: written in one way only, so that nothing is guessed."""

import re
from typing import Annotated

from pydantic import StringConstraints

ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
ISO_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ].+")

CursorText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{40,2000}$")]
RunId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


def iso_day(value: object) -> object:
    """Let a day through that is written YYYY-MM-DD: a bare number would be taken for seconds since 1970."""
    if isinstance(value, str) and not ISO_DAY.fullmatch(value):
        raise ValueError("write a day as YYYY-MM-DD")
    return value


def iso_moment(value: object) -> object:
    """Let a moment through that is written as a date and a time."""
    if not isinstance(value, str) or not ISO_MOMENT.fullmatch(value):
        raise ValueError("write a moment as YYYY-MM-DDTHH:MM:SS with its zone")
    return value
