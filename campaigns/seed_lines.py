"""Reading seeds strictly: every value is checked, and what is wrong is named with its line.

What a marketer writes into a seed reaches SQL, file names and messages. So names are plain words, numbers lie
in a range, choices are from a list, and texts hold no markup of a template.
"""

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import SettingsError

NAME = re.compile(r"[a-z0-9_]{1,63}")
SALT = re.compile(r"[A-Za-z0-9_.-]{1,63}")
# Letters, and what stands between them in the names of countries.
COUNTRY = re.compile(r"[^\W\d_][\w .'()&-]{0,62}")
# The places of an offer's texts that are filled in; no other brace may stand in them.
PLACES = ("coupon_code", "face_value", "minimum_order_amount", "expires_on")
LONGEST_TEXT = 500


@dataclass(frozen=True)
class SeedLine:
    """One line of a seed, read value by value.

    Attributes
    ----------
    seed : str
        The file's name, for messages.
    number : int
        The line in the file, the header being line 1.
    """

    seed: str
    number: int
    values: Mapping[str, str]

    def wrong(self, column: str, value: object, remedy: str) -> SettingsError:
        """Return the error for a value: file, line, column, value and what to do."""
        return SettingsError(f"{self.seed}, line {self.number}, {column} cannot be used", value, remedy)

    def raw(self, column: str) -> str:
        """Return a value as written."""
        value = self.values.get(column)
        if value is None:
            raise self.wrong(column, None, "give the line as many values as the header has names")
        return value

    def name(self, column: str) -> str:
        """Return a name: lower-case letters, digits and _."""
        value = self.raw(column)
        if not NAME.fullmatch(value):
            raise self.wrong(column, value, "use up to 63 lower-case letters, digits and _")
        return value

    def optional_name(self, column: str) -> str | None:
        """Return a name, or None where nothing is written."""
        return self.name(column) if self.raw(column) else None

    def names(self, column: str, allowed: Sequence[str] = ()) -> tuple[str, ...]:
        """Return a list written with bars; empty where nothing is written."""
        value = self.raw(column)
        found = tuple(value.split("|")) if value else ()
        for one in found:
            if not NAME.fullmatch(one) or (allowed and one not in allowed):
                known = f"one of {', '.join(allowed)}" if allowed else "lower-case letters, digits and _"
                raise self.wrong(column, one, f"use {known}, separated by |")
        if len(set(found)) != len(found):
            raise self.wrong(column, value, "name each once")
        return found

    def choice(self, column: str, allowed: Sequence[str]) -> str:
        """Return one of a list of values."""
        value = self.raw(column)
        if value not in allowed:
            raise self.wrong(column, value, f"use one of {', '.join(allowed)}")
        return value

    def salt(self, column: str) -> str:
        """Return a salt."""
        value = self.raw(column)
        if not SALT.fullmatch(value):
            raise self.wrong(column, value, "use up to 63 letters, digits, _ . and -")
        return value

    def country(self, column: str) -> str:
        """Return the name or code of a country."""
        value = self.raw(column)
        if not COUNTRY.fullmatch(value) or "--" in value:
            raise self.wrong(column, value, "write the code or the name of a country")
        return value

    def flag(self, column: str) -> bool:
        """Return true or false."""
        return self.choice(column, ("true", "false")) == "true"

    def number_between(self, column: str, least: float, most: float = math.inf) -> float:
        """Return a finite number in a range, both ends included."""
        value = self.raw(column)
        try:
            number = float(value)
        except ValueError:
            raise self.wrong(column, value, "write a number") from None
        if not math.isfinite(number) or not least <= number <= most or "_" in value:
            raise self.wrong(column, value, f"use a number from {least:g} to {most:g}")
        return number

    def whole_number(self, column: str, least: int, most: int = 2**31 - 1) -> int:
        """Return a whole number in a range, both ends included."""
        value = self.raw(column)
        if not (value.isascii() and value.isdecimal()) or not least <= int(value) <= most:
            raise self.wrong(column, value, f"use a whole number from {least} to {most}")
        return int(value)

    def optional_whole_number(self, column: str, least: int) -> int | None:
        """Return a whole number, or None where nothing is written."""
        return self.whole_number(column, least) if self.raw(column) else None

    def text(self, column: str) -> str:
        """Return words for people: one line, no markup of a template but the places of an offer."""
        value = self.raw(column)
        bare = value
        for place in PLACES:
            bare = bare.replace(f"{{{place}}}", "")
        if "{" in bare or "}" in bare:
            raise self.wrong(column, value, f"braces only around {', '.join(PLACES)}")
        if not value.isprintable() or len(value) > LONGEST_TEXT:
            raise self.wrong(column, value[:80], f"write one line of at most {LONGEST_TEXT} characters")
        return value


def read_seed(path: Path, columns: Sequence[str]) -> list[SeedLine]:
    """Read the lines of a seed that has at least these columns.

    Raises
    ------
    SettingsError
        If the file is missing, is not text, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = sorted(set(columns) - set(reader.fieldnames or ()))
            if missing:
                raise SettingsError(f"{path.name} lacks columns", missing, "put them back")
            lines = [SeedLine(path.name, reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"The seed {path.name} cannot be read", str(error), "mend the file") from error
    for line in lines:
        if None in line.values:
            raise line.wrong("the line", line.values[None], "it has more values than the header")  # type: ignore[index]
    return lines


def once(lines: Sequence[SeedLine], column: str) -> None:
    """Make sure that no two lines say the same in a column."""
    seen: dict[str, int] = {}
    for line in lines:
        value = line.raw(column)
        if value in seen:
            raise line.wrong(column, value, f"line {seen[value]} has it already; rename one of them")
        seen[value] = line.number
