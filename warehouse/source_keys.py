"""Reading a declaration key by key, with errors that say where and what to write instead."""

import re
import zoneinfo
from collections.abc import Iterable
from datetime import date
from typing import Any

from warehouse.errors import ContractBreach

COLUMN_TYPES = ("id", "text", "integer", "decimal", "timestamp", "date", "boolean")
INGEST_COLUMNS = ("delivery_id", "delivery_number", "source_file", "source_line", "known_on")
NAMED_FORMATS = ("iso8601", "epoch_seconds", "epoch_milliseconds")
# what each strptime directive may look like; only these may stand in a format
DIRECTIVES = {
    "Y": "[0-9]{4}",
    "m": "[0-9]{1,2}",
    "d": "[0-9]{1,2}",
    "H": "[0-9]{1,2}",
    "I": "[0-9]{1,2}",
    "M": "[0-9]{2}",
    "S": "[0-9]{2}",
    "f": "[0-9]{1,6}",
    "p": "[AaPp][Mm]",
    "b": "[A-Za-z]{3}",
    "B": "[A-Za-z]{3,9}",
    "z": "[+-][0-9]{2}:?[0-9]{2}",
}
_MISSING: Any = object()


class Node:
    """One mapping of the declaration; remembers where it stands and which keys were read."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise ContractBreach(f"{where} must be a mapping.", value, "write `key: value` lines")
        self.value: dict[str, Any] = value
        named = value.get("name")
        self.where = f"{where}, {named}" if isinstance(named, str) else where
        self._read: set[str] = set()

    def has(self, key: str) -> bool:
        """Say whether the key is there and not null."""
        return self.value.get(key) is not None

    def wrong(self, key: str, value: object, remedy: str) -> ContractBreach:
        """Build the error for a value that cannot be used."""
        return ContractBreach(f"{self.where}: `{key}` cannot be used.", value, remedy)

    def get(self, key: str, default: Any = _MISSING) -> Any:
        """Return the value of a key; null counts as absent."""
        self._read.add(key)
        value = self.value.get(key)
        if value is None:
            if default is _MISSING:
                raise ContractBreach(f"{self.where}: `{key}` is missing.", None, f"add `{key}: …`")
            return default
        return value

    def text(self, key: str, default: Any = _MISSING) -> str:
        """Return a text."""
        value = self.get(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, value, "write a text, in quotes where YAML would read something else")
        return value

    def texts(self, key: str, default: Iterable[str] = ()) -> tuple[str, ...]:
        """Return a list of texts; a single text stands for a list of one."""
        value = self.get(key, list(default))
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
            raise self.wrong(key, value, "write a list of texts")
        return tuple(values)

    def choice(self, key: str, choices: tuple[str, ...], default: Any = _MISSING) -> str:
        """Return one of the choices."""
        value = self.text(key, default)
        if value not in choices:
            raise self.wrong(key, value, f"choose one of {', '.join(choices)}")
        return value

    def flag(self, key: str) -> bool:
        """Return true or false; absent means false."""
        value = self.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, value, "write true or false")
        return value

    def number(self, key: str, default: float) -> float:
        """Return a number that is not negative."""
        value = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            raise self.wrong(key, value, "write a number, 0 or more")
        return float(value)

    def whole_number(self, key: str, default: int) -> int:
        """Return a whole number that is not negative."""
        value: object = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.wrong(key, value, "write a whole number, 0 or more")
        return value

    def optional_whole_number(self, key: str, default: int | None) -> int | None:
        """Return a whole number, or None where the declaration says `unlimited`."""
        if self.value.get(key) == "unlimited":
            self._read.add(key)
            return None
        if default is None and not self.has(key):
            self._read.add(key)
            return None
        return self.whole_number(key, default or 0)

    def plain_number(self, key: str) -> str | None:
        """Return a number as the text that SQL reads."""
        value = self.get(key, None)
        if value is None:
            return None
        if isinstance(value, bool) or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", str(value)):
            raise self.wrong(key, value, "write a plain number")
        return str(value)

    def day(self, key: str) -> str | None:
        """Return a day as YYYY-MM-DD."""
        value = self.get(key, None)
        if value is None:
            return None
        try:
            return date.fromisoformat(str(value)).isoformat()
        except ValueError:
            raise self.wrong(key, value, "write a day as YYYY-MM-DD") from None

    def node(self, key: str) -> "Node":
        """Return a mapping below this one; absent means empty."""
        return Node(self.get(key, {}), f"{self.where}, {key}")

    def nodes(self, key: str, *, required: bool = True) -> list["Node"]:
        """Return a list of mappings below this one."""
        values = self.get(key, _MISSING if required else [])
        if not isinstance(values, list) or (required and not values):
            raise self.wrong(key, values, "write a list, at least one entry")
        return [Node(one, f"{self.where}, {key}") for one in values]

    def meta(self) -> "Node":
        """Return `config: {meta: …}`, where dbt keeps what is not its own."""
        config = Node(self.get("config", {}), self.where)
        return Node(config.get("meta", {}), self.where)

    def finish(self, also: tuple[str, ...] = ()) -> None:
        """Refuse keys that nobody read: a misspelt key must not be silently ignored."""
        unknown = sorted(set(self.value) - self._read - set(also))
        if unknown:
            known = ", ".join(sorted(self._read | set(also)))
            raise self.wrong(unknown[0], self.value[unknown[0]], f"this key is not known; known are {known}")


def check_zone(name: str, node: Node) -> str:
    """Return the name of a time zone that exists."""
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        known = False
    else:
        known = "/" in name or name == "UTC"
    if not known:
        raise node.wrong("time_zone", name, "write an IANA name such as Europe/London")
    return name


def check_identifier(name: str, node: Node) -> str:
    """Return a name that may stand in SQL."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        raise node.wrong("name", name, "use lower-case letters, digits and _")
    return name


def check_formats(formats: tuple[str, ...], data_type: str, node: Node) -> tuple[str, ...]:
    """Return the formats of a timestamp or date column; ISO 8601 where none is declared."""
    if data_type not in {"timestamp", "date"}:
        if formats:
            raise node.wrong("format", formats, "only timestamp and date columns have a format")
        return ()
    for one in formats:
        if one in NAMED_FORMATS and (data_type == "timestamp" or one == "iso8601"):
            continue
        unknown = [d for d in re.findall(r"%(.?)", one) if d not in DIRECTIVES]
        if unknown or "%Y" not in one or not ("%d" in one and ("%m" in one or "%b" in one or "%B" in one)):
            raise node.wrong(
                "format",
                one,
                f"write a day with %Y, %m (or %b) and %d, using %{', %'.join(DIRECTIVES)}, "
                f"or one of {', '.join(NAMED_FORMATS)}",
            )
    return formats or ("iso8601",)


def format_pattern(strptime_format: str) -> str:
    """Return the regular expression that a text of this strptime format matches in full."""
    parts = re.split(r"%(.)", strptime_format)
    return "".join(
        DIRECTIVES[part] if position % 2 else re.escape(part) for position, part in enumerate(parts)
    )
