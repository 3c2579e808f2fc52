"""Who looks at a page and what they may see: roles, and pseudonyms in place of identifiers."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["analyst", "marketer", "admin"]
ROLES: tuple[Role, ...] = ("analyst", "marketer", "admin")
#: Roles that cannot do their work without user ids: lists for tools and calls carry them.
SEES_USER_IDS = frozenset({"marketer", "admin"})

_PSEUDONYM = re.compile(r"p-[0-9a-f]{14}")
#: Hexadecimal digits of a pseudonym: among a million users two share one once in 140,000 shops.
_DIGITS = 14


@dataclass(frozen=True)
class Viewer:
    """A signed-in person.

    Attributes
    ----------
    name : str
        The name they signed in with.
    role : {"analyst", "marketer", "admin"}
        What they may see.
    session : str
        What their forms are bound to; empty for a proxy's sign-in.
    through : {"password", "sso"}
        How they came in.
    pseudonym_key : bytes
        The home's secret from which pseudonyms are made.
    """

    name: str
    role: Role
    pseudonym_key: bytes = field(repr=False)
    session: str = field(default="", repr=False)
    through: Literal["password", "sso"] = "password"

    @property
    def sees_user_ids(self) -> bool:
        """Whether the shop's user ids are shown to them."""
        return self.role in SEES_USER_IDS

    def shown(self, user_id: str) -> str:
        """Return a user as this person may see them: by id, or by a pseudonym that stays the same."""
        return user_id if self.sees_user_ids else self.pseudonym(user_id)

    def pseudonym(self, user_id: str) -> str:
        """Return the pseudonym of a user: the same on every page and day, and no way back without the key."""
        return "p-" + hashlib.sha256(self._salt + user_id.encode()).hexdigest()[:_DIGITS]

    @property
    def pseudonym_sql(self) -> str:
        """Return the pseudonym of the column ``user_id`` in SQL, with the parameter ``$pseudonym_salt``."""
        return f"'p-' || substr(sha256($pseudonym_salt || user_id), 1, {_DIGITS})"

    @property
    def pseudonym_salt(self) -> str:
        """Return what ``pseudonym_sql`` is given."""
        return self.pseudonym_key.hex()

    @property
    def _salt(self) -> bytes:
        return self.pseudonym_salt.encode()

    def rows(self, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return rows with ``user_id`` as this person may see it."""
        return [
            {**row, "user_id": self.shown(str(row["user_id"]))}
            if row.get("user_id") is not None
            else dict(row)
            for row in rows
        ]


def is_pseudonym(text: str) -> bool:
    """Say whether a text has the shape of a pseudonym."""
    return _PSEUDONYM.fullmatch(text) is not None
