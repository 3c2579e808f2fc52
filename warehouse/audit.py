"""Holding the audit against itself, against its anchor and against what the ledger records."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from warehouse.errors import SettingsError
from warehouse.ledger import AuditEntry, Ledger
from warehouse.ledger.access_tables import api_keys
from warehouse.ledger.audit_book import FIRST, sha256_of_entry
from warehouse.ledger.campaign_tables import campaign_launches, delivery_attempts
from warehouse.ledger.claim_book import LEASE_RAN_OUT
from warehouse.ledger.tables import model_decisions, pointer_moves

MOST_SHOWN = 20
HANDED_OVER = "messages.handed_over"


@dataclass(frozen=True)
class AuditReport:
    """What was found.

    Attributes
    ----------
    entries : int
        Entries in the chain.
    head : str
        The newest as ``NUMBER:SHA256``, for writing down elsewhere.
    faults : tuple of str
        What is not as it should be; empty if nothing was touched.
    """

    entries: int
    head: str
    faults: tuple[str, ...]

    def __str__(self) -> str:
        state = f"{len(self.faults)} faults" if self.faults else "whole"
        shown = list(self.faults[:MOST_SHOWN])
        if len(self.faults) > MOST_SHOWN:
            shown.append(f"… and {len(self.faults) - MOST_SHOWN} more")
        return "\n".join([f"{self.entries:,} entries: {state}", *shown, f"head {self.head}"])


@dataclass
class _Chain:
    """What walking along the chain gathers."""

    heads: dict[int, str]
    entries: int = 0
    number: int = 0
    sha256: str = FIRST
    began: datetime | None = None
    faults: list[str] = field(default_factory=list)
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    attempts: int = 0

    def walk(self, entry: AuditEntry) -> None:
        """Take one entry in, and note what is wrong with it."""
        if entry.entry_number != self.number + 1:
            self.faults.append(f"entries {self.number + 1} to {entry.entry_number - 1} are gone")
        elif entry.previous_sha256 != self.sha256:
            self.faults.append(f"entry {entry.entry_number} does not follow the one before it: it was moved")
        if entry.sha256 != sha256_of_entry(entry):
            self.faults.append(f"entry {entry.entry_number} ({entry.action}) was changed")
        self.entries, self.number, self.sha256 = self.entries + 1, entry.entry_number, entry.sha256
        self.began = self.began or entry.at
        if entry.entry_number in self.heads:
            self.heads[entry.entry_number] = entry.sha256
        if entry.action == HANDED_OVER:
            self.attempts += _whole_sum(entry)
        elif not entry.action.startswith("api."):
            self.told[entry.action, entry.subject] += 1


def verify_audit(ledger: Ledger, expected_head: str | None = None) -> AuditReport:
    """Verify the whole chain: each entry, their order, the end, and that no recorded action lacks its entry.

    Parameters
    ----------
    ledger : Ledger
        Holds the chain, and says where its head is anchored.
    expected_head : str, optional
        A head that was written down elsewhere, as ``NUMBER:SHA256``.

    Raises
    ------
    SettingsError
        If the expected head is not one.
    """
    # the anchor is read first: entries that are added meanwhile only make the chain longer
    anchored, anchor_fault = _read_anchor(ledger.anchor)
    wanted = {f"the anchor {ledger.anchor}": anchored, "the head that was written down": _head(expected_head)}
    chain = _Chain(heads={head[0]: "" for head in wanted.values() if head is not None})
    for entry in ledger.every_audit_entry():
        chain.walk(entry)
    faults = [*chain.faults, *anchor_fault]
    if ledger.anchor is not None and anchored is None and not anchor_fault and chain.number > 1:
        # the first entry is a migration's, which knows no anchor
        faults.append(f"the anchor {ledger.anchor} is gone")
    for who, head in wanted.items():
        if head is not None and chain.heads[head[0]] != head[1]:
            cut = head[0] > chain.number
            faults.append(
                f"{who} knows entry {head[0]}, which is gone: the end was cut off"
                if cut
                else f"{who} knows another entry {head[0]}: the chain was made anew"
            )
    faults += _unrecorded(ledger, chain)
    return AuditReport(chain.entries, f"{chain.number}:{chain.sha256}", tuple(faults))


def _unrecorded(ledger: Ledger, chain: _Chain) -> Iterator[str]:
    """Yield what the ledger says was done since the chain began and the chain does not know."""
    if chain.began is None:
        yield "the audit is empty: not even its beginning is there"
        return
    with ledger.reading() as connection:
        done: Counter[tuple[str, str]] = Counter()
        for prefix, what, to_what, at in (
            ("pointer.", pointer_moves.c.why, pointer_moves.c.run_id, pointer_moves.c.moved_at),
            ("model.", model_decisions.c.verdict, model_decisions.c.challenger, model_decisions.c.decided_at),
            (
                "launch.",
                campaign_launches.c.state,
                campaign_launches.c.campaign_id,
                campaign_launches.c.decided_at,
            ),
            ("key.", sa.literal("revoked"), api_keys.c.key_id, api_keys.c.revoked_at),
        ):
            statement = sa.select(what, to_what).where(at >= chain.began)
            done.update((prefix + row[0], row[1]) for row in connection.execute(statement))
        made = set(connection.execute(sa.select(api_keys.c.key_id)).scalars())
        attempts = connection.execute(
            sa.select(sa.func.count()).where(
                delivery_attempts.c.at >= chain.began, delivery_attempts.c.detail != LEASE_RAN_OUT
            )
        ).scalar_one()
    for (action, subject), times in sorted((done - chain.told).items()):
        yield f"{action} of {subject} happened {times} times more than the audit tells"
    known = {subject for action, subject in chain.told if action in ("key.created", "key.rotated")}
    for key_id in sorted(made - known):
        yield f"key {key_id} is there, and the audit does not tell who made it"
    for key_id in sorted(known - made):
        yield f"key {key_id} was made, and the ledger knows it no more"
    if attempts > chain.attempts:
        yield f"{attempts - chain.attempts} messages were handed over that the audit does not tell of"


def _whole_sum(entry: AuditEntry) -> int:
    try:
        return sum(count for count in entry.details.values() if isinstance(count, int))
    except (ValueError, AttributeError):
        return 0  # it was changed, which its hash tells


def _read_anchor(anchor: Path | None) -> tuple[tuple[int, str] | None, list[str]]:
    if anchor is None or not anchor.exists():
        return None, []
    try:
        kept = json.loads(anchor.read_text(encoding="utf-8"))
        return (int(kept["entry_number"]), str(kept["sha256"])), []
    except (OSError, ValueError, KeyError, TypeError):
        return None, [f"the anchor {anchor} cannot be read"]


def _head(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    number, _, sha256 = text.partition(":")
    if not number.isdecimal() or len(sha256) != len(FIRST):
        raise SettingsError("A head is NUMBER:SHA256", text, "as `audit verify` printed it")
    return int(number), sha256
