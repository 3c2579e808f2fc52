"""What the ledger gives back of keys, people and the audit: frozen records, one class per table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class ApiKey:
    """A key of the HTTP API, as the ledger knows it: never its secret, only the hash of it.

    Attributes
    ----------
    key_id : str
        The public part.
    name : str
        Whose key it is; while a key is being rotated two live keys bear one name.
    scopes : frozenset of str
        What it may do, for instance ``risk:read``.
    field_sets : frozenset of str
        Which sets of columns it sees; empty for those of risk only.
    requests_per_minute : int
        What it may ask for.
    expires_at, revoked_at : datetime or None
        From when on it is refused.
    """

    key_id: str
    name: str
    secret_sha256: str = field(repr=False)
    scopes: frozenset[str]
    field_sets: frozenset[str]
    requests_per_minute: int
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def state_at(self, now: datetime) -> str:
        """Return live, expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "live"


@dataclass(frozen=True)
class AuditEntry:
    """One thing that somebody did, chained to the one before."""

    entry_number: int
    at: datetime
    actor: str
    action: str
    subject: str
    details_json: str
    previous_sha256: str
    sha256: str

    @property
    def details(self) -> Mapping[str, str | int]:
        """What else was noted, by name."""
        found: Mapping[str, str | int] = json.loads(self.details_json)
        return found


@dataclass(frozen=True)
class DashboardPerson:
    """Somebody who may sign in to the dashboard.

    Attributes
    ----------
    person : str
        The name they sign in with.
    role : str
        analyst, marketer or admin.
    password_hash : str
        In the format of whoever checks it.
    language : str
        en or zh.
    """

    person: str
    role: str
    password_hash: str = field(repr=False)
    language: str
    created_at: datetime
    created_by: str
    changed_at: datetime
    disabled_at: datetime | None = None
