"""Signed session cookies, and the form tokens that are bound to them."""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

KEY_BYTES = 32


@dataclass(frozen=True)
class Session:
    """What a session's cookie says.

    Attributes
    ----------
    person : str
        Who signed in.
    nonce : str
        Random, of this sign-in; form tokens are bound to it.
    expires_at : int
        Second of the epoch from which on the cookie is worth nothing.
    fingerprint : str
        Of the password that was used: a new password ends the sessions of the old one.
    """

    person: str
    nonce: str
    expires_at: int
    fingerprint: str


def page_key(home: Path) -> bytes:
    """Return the home's key for sessions and pseudonyms, making it once.

    The file is readable by its owner only. Losing it signs everybody out and changes every pseudonym.
    """
    path = home / "secrets" / "pages.key"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        try:
            # the first of several processes wins, and the others read what it wrote
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes()


def new_nonce() -> str:
    """Return something that nobody can foresee, for one session or visit."""
    return secrets.token_urlsafe(18)


@dataclass(frozen=True)
class Signer:
    """Signs and reads cookies and form tokens with keys derived from the home's key."""

    key: bytes

    def derived(self, purpose: str) -> bytes:
        """Return the key for one purpose: what is signed for one is worth nothing for another."""
        return hmac.digest(self.key, f"holdfast pages: {purpose}".encode(), hashlib.sha256)

    def begin(self, person: str, password_hash: str, *, now: datetime, hours: int) -> tuple[Session, str]:
        """Return a new session and its cookie."""
        session = Session(
            person=person,
            nonce=new_nonce(),
            expires_at=int((now + timedelta(hours=hours)).timestamp()),
            fingerprint=self.fingerprint(password_hash),
        )
        payload = base64.urlsafe_b64encode(json.dumps(vars(session), separators=(",", ":")).encode()).decode()
        return session, f"{payload}.{self._signature('session', payload)}"

    def session(self, cookie: str | None, *, now: datetime) -> Session | None:
        """Return the session of a cookie, or None if it was not signed here or has expired."""
        payload, _, signature = (cookie or "").partition(".")
        if not hmac.compare_digest(self._signature("session", payload).encode(), signature.encode()):
            return None
        try:
            session = Session(**json.loads(base64.urlsafe_b64decode(payload)))
        except (binascii.Error, ValueError, TypeError):
            return None
        return session if now.timestamp() < session.expires_at else None

    def fingerprint(self, password_hash: str) -> str:
        """Return a mark of a password's hash that tells nothing about it."""
        return hmac.new(self.derived("password mark"), password_hash.encode(), hashlib.sha256).hexdigest()[
            :16
        ]

    def form_token(self, bound_to: str) -> str:
        """Return the token that a form of this session, or of this visit, must carry."""
        return self._signature("form", bound_to)

    def is_form_token(self, token: str, bound_to: str) -> bool:
        """Say whether a token belongs to the session or visit; an empty one belongs to none."""
        return bool(bound_to) and hmac.compare_digest(token.encode(), self.form_token(bound_to).encode())

    def _signature(self, purpose: str, text: str) -> str:
        return hmac.new(self.derived(purpose), text.encode(), hashlib.sha256).hexdigest()
