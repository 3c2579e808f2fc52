"""Keys of the HTTP API: how one looks, what it may do, and whether a request carries a good one.

A key is ``hfk_<key_id>_<secret>``. The secret is 256 random bits, so a plain SHA-256 keeps it: there is
nothing to guess that a slow hash would have to slow down, and a fast one costs a request nothing.
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

from warehouse.errors import SettingsError
from warehouse.ledger import ApiKey

KEY = re.compile(r"hfk_([0-9a-f]{16})_([0-9a-f]{64})")
#: Anything in a text that looks like a key, for keeping it out of logs.
KEY_LIKE = re.compile(r"hfk_[0-9A-Za-z_%-]*")
SCOPES = ("risk:read", "users:read", "score:write", "outcomes:write", "runs:read", "metrics:read")
AUDIENCE = re.compile(r"audience:(\*|[a-z][a-z0-9_]{0,63})")
FIELD_SETS = ("risk", "profile")
PER_MINUTE = 600
LONGEST_DAYS = 3650


def make_key(
    name: str,
    scopes: frozenset[str],
    *,
    now: datetime,
    by: str,
    field_sets: frozenset[str] = frozenset(),
    requests_per_minute: int = PER_MINUTE,
    days: int | None = None,
) -> tuple[ApiKey, str]:
    """Make a key; returns what the ledger keeps and the key itself, which is nowhere else.

    Raises
    ------
    SettingsError
        If a scope or field set is not known, or a number is out of its range.
    """
    for scope in sorted(scopes):
        if scope not in SCOPES and not AUDIENCE.fullmatch(scope):
            raise SettingsError(
                "This scope is not known", scope, f"use {', '.join(SCOPES)}, audience:<name> or audience:*"
            )
    if not scopes:
        raise SettingsError("A key needs a scope", None, f"use {', '.join(SCOPES)}, audience:<name>")
    unknown = sorted(field_sets - set(FIELD_SETS))
    if unknown:
        raise SettingsError("This field set is not known", unknown[0], f"use {', '.join(FIELD_SETS)}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}", name):
        raise SettingsError("A key's name is letters, digits, spaces and . _ -", name, "for instance mailer")
    if not 1 <= requests_per_minute <= 100_000:
        raise SettingsError("Requests a minute are 1 to 100000", requests_per_minute, "600 unless said")
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise SettingsError(f"A key lives 1 to {LONGEST_DAYS} days", days, "leave it out for no end")
    key_id, secret = secrets.token_hex(8), secrets.token_hex(32)
    key = ApiKey(
        key_id=key_id,
        name=name,
        secret_sha256=_sha256(secret),
        scopes=scopes,
        field_sets=field_sets,
        requests_per_minute=requests_per_minute,
        created_at=now,
        created_by=by,
        expires_at=None if days is None else now + timedelta(days=days),
    )
    return key, f"hfk_{key_id}_{secret}"


def is_secret_of(key: ApiKey | None, secret: str, now: datetime) -> bool:
    """Say whether a secret belongs to a live key; it takes as long where there is no such key."""
    kept = key.secret_sha256 if key is not None else _sha256("")
    same = hmac.compare_digest(kept, _sha256(secret))
    return same and key is not None and key.state_at(now) == "live"


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
