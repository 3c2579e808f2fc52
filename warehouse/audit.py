"""Holding the audit against itself, against its anchor and against what the ledger records."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import SettingsError
from warehouse.ledger import AuditEntry, Ledger
from warehouse.ledger.audit_book import FIRST, entry_sha256

MOST_SHOWN = 20


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


def verify_audit(ledger: Ledger, expected_head: str | None = None) -> AuditReport:
    """Verify the whole chain.

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
    entries = ledger.audit_entries()
    faults = [*_chain_faults(entries), *_anchor_faults(entries, ledger.anchor)]
    if expected_head is not None:
        number, _, sha256 = expected_head.partition(":")
        if not number.isdecimal() or len(sha256) != len(FIRST):
            raise SettingsError("A head is NUMBER:SHA256", expected_head, "as `audit verify` printed it")
        faults += _head_faults(entries, int(number), sha256, "the head that was written down")
    head = f"{entries[-1].entry_number}:{entries[-1].sha256}" if entries else f"0:{FIRST}"
    return AuditReport(len(entries), head, tuple(faults))


def _chain_faults(entries: Iterable[AuditEntry]) -> Iterable[str]:
    number, sha256 = 0, FIRST
    for entry in entries:
        if entry.entry_number != number + 1:
            yield f"entries {number + 1} to {entry.entry_number - 1} are gone"
        elif entry.previous_sha256 != sha256:
            yield f"entry {entry.entry_number} does not follow the one before it: moved, or one was replaced"
        if entry.sha256 != _hash_of(entry):
            yield f"entry {entry.entry_number} ({entry.action} of {entry.subject}) was changed"
        number, sha256 = entry.entry_number, entry.sha256


def _hash_of(entry: AuditEntry) -> str:
    told = (entry.actor, entry.action, entry.subject, entry.details_json)
    return entry_sha256(entry.entry_number, entry.at, *told, previous_sha256=entry.previous_sha256)


def _anchor_faults(entries: tuple[AuditEntry, ...], anchor: Path | None) -> list[str]:
    if anchor is None:
        return []
    if not anchor.exists():
        # the first entry is a migration's, which knows no anchor
        return [f"the anchor {anchor} is gone"] if len(entries) > 1 else []
    try:
        kept = json.loads(anchor.read_text(encoding="utf-8"))
        number, sha256 = int(kept["entry_number"]), str(kept["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return [f"the anchor {anchor} cannot be read"]
    return _head_faults(entries, number, sha256, f"the anchor {anchor}")


def _head_faults(entries: tuple[AuditEntry, ...], number: int, sha256: str, who: str) -> list[str]:
    found = next((entry for entry in entries if entry.entry_number == number), None)
    if found is None:
        return [f"{who} knows entry {number}, which is gone: the end was cut off"]
    return [] if found.sha256 == sha256 else [f"{who} knows another entry {number}: the chain was made anew"]
