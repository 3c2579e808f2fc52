"""Keys of the HTTP API: made, rotated, revoked; the secret itself is never here."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Row

from warehouse.ledger.access_records import ApiKey
from warehouse.ledger.access_tables import api_keys
from warehouse.ledger.audit_book import Action, AuditBook
from warehouse.ledger.records import LedgerError

LIST_KEYS = "list keys with `python -m serving key list`"


class KeyBook(AuditBook):
    """The part of the ledger that knows the keys of the HTTP API."""

    def add_key(self, key: ApiKey, *, by: str) -> ApiKey:
        """Record a new key.

        Raises
        ------
        LedgerError
            If a key of that name is live: a name is one tool, and a second key of it is a rotation.
        """
        with self.writing() as connection:
            standing = self._live(_keys(connection.execute(_named(key.name))), key.created_at)
            if standing:
                raise LedgerError(
                    f"{key.name} has a live key", standing[-1].key_id, "rotate it, or revoke it first"
                )
            connection.execute(api_keys.insert().values(**_values(key)))
            self.append_actions(connection, [_made(key, "key.created", by)])
        return key

    def rotate_key(self, key: ApiKey, *, old_until: datetime, by: str) -> tuple[ApiKey, ApiKey]:
        """Record a new key of a name whose old one stays good for a while; returns (old, new).

        The new key takes over what the old one may do. Two keys of a name are live at most: an older one
        that was still in its grace ends now.

        Raises
        ------
        LedgerError
            If no key of that name is live.
        """
        with self.writing() as connection:
            standing = self._live(_keys(connection.execute(_named(key.name))), key.created_at)
            if not standing:
                raise LedgerError(f"{key.name} has no live key to rotate", key.name, LIST_KEYS)
            *older, old = standing
            ends = old_until if old.expires_at is None else min(old.expires_at, old_until)
            new = replace(
                key,
                scopes=old.scopes,
                field_sets=old.field_sets,
                requests_per_minute=old.requests_per_minute,
            )
            for one, moment in (*((one, key.created_at) for one in older), (old, ends)):
                connection.execute(
                    api_keys.update().where(api_keys.c.key_id == one.key_id).values(expires_at=moment)
                )
            connection.execute(api_keys.insert().values(**_values(new)))
            self.append_actions(connection, [_made(new, "key.rotated", by, replaces=old.key_id)])
        return replace(old, expires_at=ends), new

    def revoke_keys(self, named: str, *, by: str) -> tuple[ApiKey, ...]:
        """Revoke a key by its key_id, or every live key of a name, from now on.

        Raises
        ------
        LedgerError
            If there is none.
        """
        now = self.clock()
        chosen = sa.or_(api_keys.c.key_id == named, api_keys.c.name == named)
        with self.writing() as connection:
            found = self._live(_keys(connection.execute(sa.select(api_keys).where(chosen))), now)
            if not found:
                raise LedgerError("No live key bears this name or key_id", named, LIST_KEYS)
            ids = [key.key_id for key in found]
            connection.execute(api_keys.update().where(api_keys.c.key_id.in_(ids)).values(revoked_at=now))
            self.append_actions(
                connection, [Action(by, "key.revoked", key.key_id, {"name": key.name}) for key in found]
            )
        return tuple(replace(key, revoked_at=now) for key in found)

    def find_key(self, key_id: str) -> ApiKey | None:
        """Return a key by its public part, live or not, or None."""
        with self.reading() as connection:
            return next(iter(_keys(connection.execute(sa.select(api_keys).filter_by(key_id=key_id)))), None)

    def api_keys(self) -> tuple[ApiKey, ...]:
        """Return every key that there ever was, by name and age."""
        statement = sa.select(api_keys).order_by(api_keys.c.name, api_keys.c.created_at, api_keys.c.key_id)
        with self.reading() as connection:
            return tuple(_keys(connection.execute(statement)))

    @staticmethod
    def _live(keys: Iterable[ApiKey], now: datetime) -> list[ApiKey]:
        return [key for key in keys if key.state_at(now) == "live"]


def _named(name: str) -> sa.Select[tuple[object, ...]]:
    order = (api_keys.c.created_at, api_keys.c.key_id)
    return sa.select(api_keys).where(api_keys.c.name == name).order_by(*order)


def _keys(rows: Iterable[Row[tuple[object, ...]]]) -> list[ApiKey]:
    return [
        ApiKey(
            **{
                **row._mapping,
                "scopes": frozenset(row._mapping["scopes"].split()),
                "field_sets": frozenset(row._mapping["field_sets"].split()),
            }
        )
        for row in rows
    ]


def _values(key: ApiKey) -> dict[str, object]:
    return {
        **vars(key),
        "scopes": " ".join(sorted(key.scopes)),
        "field_sets": " ".join(sorted(key.field_sets)),
    }


def _made(key: ApiKey, action: str, by: str, **more: str) -> Action:
    details: dict[str, str | int] = {"name": key.name, "scopes": " ".join(sorted(key.scopes)), **more}
    if key.expires_at is not None:
        details["expires_at"] = key.expires_at.isoformat(timespec="seconds")
    return Action(by, action, key.key_id, details)
