"""The audit: who did what, as a chain in which nothing can be changed, taken out or moved unnoticed.

Each entry's hash covers the entry before it. The newest hash, the head, is kept in a second place as well
(`anchor`), so that cutting off the end is noticed, too. What the ledger itself records (a pointer that moved,
a key, messages handed over) gets its entry in the same transaction: neither is there without the other.
"""

import fcntl
import hashlib
import json
import logging
import os
import pwd
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from warehouse.ledger.access_records import AuditEntry
from warehouse.ledger.access_tables import audit_entries
from warehouse.ledger.store import Store

log = logging.getLogger(__name__)

FIRST = "0" * 64
COUNTER = "audit_entry"
# one block of a disk: written in one piece or not at all
ANCHOR_BYTES = 160
CHUNK_ENTRIES = 5_000
SHA256_OF = sa.select(audit_entries.c.sha256).where(audit_entries.c.entry_number == sa.bindparam("number"))


@dataclass(frozen=True)
class Action:
    """What somebody did, before it has its place in the chain.

    Attributes
    ----------
    actor : str
        Who: ``key:<key_id>``, ``person:<name>`` or the name of whoever ran a command.
    action : str
        What, for instance ``key.created``.
    subject : str
        To what.
    details : mapping
        What else is worth knowing; never personal data, never a secret.
    """

    actor: str
    action: str
    subject: str
    details: Mapping[str, str | int] = field(default_factory=dict)


class AuditBook(Store):
    """The part of the ledger that knows who did what."""

    #: Where the head is kept as well; None for nowhere.
    anchor: Path | None = None

    def record_actions(self, actions: Sequence[Action]) -> AuditEntry:
        """Append entries, durable once this returns, and return the last of them."""
        with self.writing() as connection:
            return self.append_actions(connection, actions)

    def append_actions(self, connection: Connection, actions: Sequence[Action]) -> AuditEntry:
        """Append entries in the caller's transaction; call it last, for it makes other appenders wait."""
        last = self.next_number(connection, COUNTER, len(actions))
        first = last - len(actions) + 1
        sha256 = self._sha256_of(connection, first - 1)
        entries: list[AuditEntry] = []
        for number, action in enumerate(actions, first):
            entry = AuditEntry(
                entry_number=number,
                at=self.clock().astimezone(UTC),
                actor=action.actor[:128],
                action=action.action[:64],
                subject=action.subject[:256],
                details_json=json.dumps(dict(action.details), ensure_ascii=False, sort_keys=True),
                previous_sha256=sha256,
                sha256="",
            )
            sha256 = sha256_of_entry(entry)
            entries.append(replace(entry, sha256=sha256))
        connection.execute(audit_entries.insert(), [vars(entry) for entry in entries])
        connection.info["audit_head"] = entries[-1]
        return entries[-1]

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that is durable once left; the head of what it appended is anchored then."""
        with super().writing() as connection:
            yield connection
            head: AuditEntry | None = connection.info.pop("audit_head", None)
        if head is not None and self.anchor is not None:
            try:
                write_anchor(self.anchor, head)
            except OSError as error:
                # what was recorded stands; the next entry brings the anchor up to it
                log.warning("the head of the audit could not be kept in %s: %s", self.anchor, error)

    def audit_entries(self, *, after: int = 0, most: int = CHUNK_ENTRIES) -> tuple[AuditEntry, ...]:
        """Return entries that follow a number, in their order, at most so many."""
        statement = sa.select(audit_entries).where(audit_entries.c.entry_number > after)
        return self._entries(statement.order_by(audit_entries.c.entry_number).limit(most))

    def newest_audit_entries(self, most: int) -> tuple[AuditEntry, ...]:
        """Return the newest entries, in their order."""
        statement = sa.select(audit_entries).order_by(audit_entries.c.entry_number.desc()).limit(most)
        return self._entries(statement)[::-1]

    def every_audit_entry(self) -> Iterator[AuditEntry]:
        """Yield the whole chain, piece by piece: it may be long."""
        after = 0
        while part := self.audit_entries(after=after):
            yield from part
            after = part[-1].entry_number

    def _entries(self, statement: sa.Select[tuple[object, ...]]) -> tuple[AuditEntry, ...]:
        with self.reading() as connection:
            return tuple(AuditEntry(**row._mapping) for row in connection.execute(statement))

    def _sha256_of(self, connection: Connection, number: int) -> str:
        found: str | None = connection.execute(SHA256_OF, {"number": number}).scalar_one_or_none()
        # an entry that was taken out leaves a gap, which verifying finds; what happens now is recorded still
        return FIRST if found is None else found


def sha256_of_entry(entry: AuditEntry) -> str:
    """Return the hash of an entry: of everything it says, and of the hash before it."""
    moment = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    told = [entry.entry_number, moment, entry.actor, entry.action, entry.subject, entry.details_json]
    text = json.dumps([*told, entry.previous_sha256], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def operator() -> str:
    """Return the name of the account that this process runs as, whatever its environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def write_anchor(path: Path, head: AuditEntry) -> None:
    """Keep the head beside the ledger, unless a later one is kept there already."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        kept = os.pread(descriptor, ANCHOR_BYTES, 0)
        if kept.strip() and not _is_before(kept, head):
            return
        text = json.dumps({"entry_number": head.entry_number, "sha256": head.sha256})
        os.pwrite(descriptor, text.ljust(ANCHOR_BYTES - 1).encode() + b"\n", 0)
    finally:
        os.close(descriptor)


def _is_before(kept: bytes, head: AuditEntry) -> bool:
    try:
        return int(json.loads(kept)["entry_number"]) < head.entry_number
    except (ValueError, KeyError, TypeError):
        return False  # it stays as it was found, so that verifying tells
