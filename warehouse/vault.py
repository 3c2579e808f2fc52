"""The vault: direct identifiers by pseudonym, apart from everything else, read only at delivery.

A SQLite file of its own under ``HOLDFAST_HOME/vault/``, for its owner only, filled from what the shop
delivers as `user_contacts`. The same step brings withdrawn consents to the ledger's contact blocks.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb

from warehouse.connections import open_build
from warehouse.errors import DamagedFile, SettingsError
from warehouse.ledger import ContactBlock, Ledger
from warehouse.publish.durable import make_private_folder
from warehouse.settings import Settings
from warehouse.sources import Table, load_source

CONTACTS, CONSENTS = "user_contacts", "consents"
CONSENT_COLUMNS = ("user_id", "purpose", "changed_at", "granted")
# Which column of the vault a channel writes to; the other channels need none.
FIELDS = {"email": "email", "sms": "phone", "call": "phone", "push": "push_token"}
KINDS = ("email", "phone", "push_token")
NO_ADDRESS, ADDRESS_REUSED = "no_address", "address_reused"
# No channel asks for a purpose with a longer name.
LONGEST_PURPOSE = 32
ROWS_AT_A_TIME = 10_000
USERS_AT_A_TIME = 500
WAIT_SECONDS = 30.0

TABLES = """
create table if not exists contacts (
    user_id text primary key,
    email text, email_key text, email_since integer,
    phone text, phone_key text, phone_since integer,
    push_token text, push_token_key text, push_token_since integer
) without rowid;
create index if not exists contacts_email on contacts (email_key);
create index if not exists contacts_phone on contacts (phone_key);
create index if not exists contacts_push_token on contacts (push_token_key);
create table if not exists progress (name text primary key, number integer not null);
"""


@dataclass(frozen=True)
class Address:
    """Where to reach a user by a channel, or why not.

    Attributes
    ----------
    value : str or None
        The address; never printed.
    problem : str or None
        ``no_address``, or ``address_reused``: another user delivered the same one later.
    """

    value: str | None
    problem: str | None = None

    def __repr__(self) -> str:
        """Leave the address out of every trace."""
        return f"Address(problem={self.problem!r})"


@dataclass(frozen=True)
class SyncedPeople:
    """What a sync did: contacts taken into the vault, purposes blocked and blocks lifted."""

    contacts: int
    blocked: int
    lifted: int


class Vault:
    """The direct identifiers of one shop's users; use it as a context manager.

    Parameters
    ----------
    settings : Settings
        ``home`` and ``source`` say where the file is.
    """

    def __init__(self, settings: Settings) -> None:
        self.path = settings.home / "vault" / f"{settings.source}.db"
        _make_private_file(self.path)
        self._connection = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)
        try:
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma secure_delete = on")
            self._connection.executescript(TABLES)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise DamagedFile(
                f"The vault {self.path} cannot be opened",
                str(error),
                "remove it: the next ingest fills it again from the build file",
            ) from error

    def __enter__(self) -> "Vault":
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()

    def addresses(self, channel: str, user_ids: Sequence[str]) -> dict[str, Address]:
        """Return where to reach users by a channel that needs an address; every user asked for is in it.

        Raises
        ------
        SettingsError
            If the channel needs no address.
        """
        kind = FIELDS.get(channel)
        if kind is None:
            raise SettingsError("This channel needs no address", channel, f"ask for {', '.join(FIELDS)}")
        found = dict.fromkeys(user_ids, Address(None, NO_ADDRESS))
        for start in range(0, len(user_ids), USERS_AT_A_TIME):
            part = list(user_ids[start : start + USERS_AT_A_TIME])
            places = ", ".join("?" for _ in part)
            rows = self._connection.execute(
                f"select mine.user_id, mine.{kind}, exists (select 1 from contacts as other "
                f"where other.{kind}_key = mine.{kind}_key and other.{kind}_since > mine.{kind}_since) "
                f"from contacts as mine where mine.user_id in ({places}) and mine.{kind}_key is not null",
                part,
            )
            for user_id, value, reused in rows:
                found[user_id] = Address(None, ADDRESS_REUSED) if reused else Address(value)
        return found

    def forget(self, user_id: str) -> bool:
        """Remove a user's identifiers; says whether there were any."""
        return self._connection.execute("delete from contacts where user_id = ?", [user_id]).rowcount > 0

    def progress(self, name: str) -> int:
        """Return the newest delivery that was taken from a table, 0 before the first."""
        row = self._connection.execute("select number from progress where name = ?", [name]).fetchone()
        return int(row[0]) if row else 0

    def note_progress(self, name: str, number: int) -> None:
        """Record the newest delivery that was taken from a table."""
        self._connection.execute(
            "insert into progress values (?, ?) on conflict (name) do update set number = excluded.number",
            [name, number],
        )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold one transaction: all of it is kept, or nothing."""
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def put(self, rows: Sequence[tuple[str, str | None, str | None, str | None]], first_place: int) -> None:
        """Take newer versions of contacts: (user_id, email, phone, push_token), in the order of delivery.

        An address that a user keeps stays as old as it was: a new telephone number does not win an e-mail
        address back that somebody else has delivered since.
        """
        kept = ", ".join(
            f"{kind} = excluded.{kind}, {kind}_since = case when excluded.{kind}_key is contacts.{kind}_key "
            f"then contacts.{kind}_since else excluded.{kind}_since end, {kind}_key = excluded.{kind}_key"
            for kind in KINDS
        )
        self._connection.executemany(
            "insert into contacts values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            f"on conflict (user_id) do update set {kept}",
            [_with_keys(row, place) for place, row in enumerate(rows, start=first_place)],
        )


def sync_people(settings: Settings, ledger: Ledger) -> SyncedPeople:
    """Bring what was delivered since the last sync to where delivery looks: addresses and withdrawn consents.

    Runs after every ingest; safe to run again. Only the newest version of a contact, and the newest word on a
    consent, counts. A shop that delivers neither table is fine.

    Transactions: the vault's rows and how far it has come are one; blocks are the ledger's own, idempotent,
    and noted as done only afterwards.

    Parameters
    ----------
    settings : Settings
        Where the build file and the vault are.
    ledger : Ledger
        Takes the blocks.
    """
    tables = {table.name: table for table in load_source(settings.source, settings.dbt_project).tables}
    with Vault(settings) as vault, open_build(settings) as build:
        contacts = _sync_contacts(vault, build, ledger, settings.source, tables.get(CONTACTS))
        blocked, lifted = _sync_consents(vault, build, ledger, settings.source, tables.get(CONSENTS))
    return SyncedPeople(contacts, blocked, lifted)


def _sync_contacts(
    vault: Vault, build: duckdb.DuckDBPyConnection, ledger: Ledger, source: str, table: Table | None
) -> int:
    if table is None or "user_id" not in table.column_names:
        return 0
    relation = f"{table.schema}.{table.identifier}"
    known, newest = vault.progress(CONTACTS), _newest(build, relation)
    if newest <= known:
        return 0
    listed = ", ".join(kind if kind in table.column_names else f"null as {kind}" for kind in KINDS)
    # not all blocks: a large shop has hundreds of thousands
    erased = [block.user_id for block in ledger.contact_blocks(source, reason="erased")]
    rows = build.execute(
        f"select user_id, {listed} from {relation} "
        "where delivery_number > $known and delivery_number <= $newest "
        "and user_id not in (select unnest($erased::varchar[])) "
        "order by delivery_number, source_file, source_line",
        {"known": known, "newest": newest, "erased": erased},
    )
    taken, place = 0, vault.progress("place")
    with vault.writing():
        while part := rows.fetchmany(ROWS_AT_A_TIME):
            vault.put(part, place + taken + 1)
            taken += len(part)
        vault.note_progress("place", place + taken)
        vault.note_progress(CONTACTS, newest)
    return taken


def _sync_consents(
    vault: Vault, build: duckdb.DuckDBPyConnection, ledger: Ledger, source: str, table: Table | None
) -> tuple[int, int]:
    if table is None or not set(CONSENT_COLUMNS) <= set(table.column_names):
        return 0, 0
    relation = f"{table.schema}.{table.identifier}"
    known, newest = vault.progress(CONSENTS), _newest(build, relation)
    if newest <= known:
        return 0, 0
    rows: list[tuple[Any, ...]] = build.execute(
        f"""
        select user_id, purpose, changed_at, granted
        from {relation}
        semi join (select user_id, purpose from {relation} where delivery_number > ?) as news
            using (user_id, purpose)
        where length(purpose) <= {LONGEST_PURPOSE}
        qualify row_number() over (
            partition by user_id, purpose
            order by changed_at desc, delivery_number desc, source_file desc, source_line desc
        ) = 1
        order by all
        """,
        [known],
    ).fetchall()
    words = [(user, purpose, at.replace(tzinfo=UTC), granted) for user, purpose, at, granted in rows]
    given = [(user, purpose, at) for user, purpose, at, granted in words if granted]
    lifted = ledger.lift_blocks_by_consent(source, given)
    withdrawn = [
        ContactBlock(source, user, purpose, "consent_withdrawn", at)
        for user, purpose, at, granted in words
        if not granted
    ]
    blocked = ledger.block_contacts(withdrawn)
    vault.note_progress(CONSENTS, newest)
    return blocked, lifted


def _newest(build: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = build.execute(f"select coalesce(max(delivery_number), 0) from {relation}").fetchone()
    return int(row[0]) if row else 0


def _with_keys(row: tuple[str, str | None, str | None, str | None], place: int) -> list[object]:
    user_id, email, phone, push_token = row
    values: list[object] = [user_id]
    for value, key in ((email, _email_key), (phone, _phone_key), (push_token, _token_key)):
        text = (value or "").strip() or None
        values += [text, key(text) if text else None, place if text else None]
    return values


def _email_key(text: str) -> str:
    return text.lower()


def _phone_key(text: str) -> str | None:
    # +49 30 123 and 0049-30-123 are one telephone
    digits = "".join(letter for letter in text if letter.isdigit())
    return digits.removeprefix("00") or None


def _token_key(text: str) -> str:
    return text


def _make_private_file(path: Path) -> None:
    """Create the file for its owner only; SQLite gives its side files the same mode."""
    make_private_folder(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
