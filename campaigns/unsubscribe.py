"""Unsubscribe links: a signed token names shop, user and purpose; whoever shows it stops that purpose.

``python -m campaigns.unsubscribe TOKEN`` does by hand what the link does. A token does not run out: a link
must still work in a message that is read late. A new key (remove the old one) makes every earlier link void.
"""

import argparse
import base64
import binascii
import hashlib
import hmac
import os
import secrets
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from warehouse.errors import DamagedFile, HoldfastError
from warehouse.ledger import ContactBlock, Ledger, utc_now
from warehouse.publish.durable import fsync_file, fsync_folder, make_private_folder
from warehouse.settings import Settings

KEY = Path("secrets") / "unsubscribe.key"
KEY_BYTES = 32
# 128 bits cannot be guessed, and keep the link short enough for an SMS
MAC_BYTES = 16
#: Part of what is signed, so that the key can never vouch for anything else.
DOMAIN = b"holdfast-unsubscribe-v1\x00"
LONGEST = 1000


class InvalidToken(HoldfastError):
    """A token was not made here, or was changed on its way. Says no more than that."""


@dataclass(frozen=True)
class Subscription:
    """What a token stops: one purpose of one user of one shop."""

    source: str
    user_id: str
    purpose: str


def unsubscribe_key(home: Path) -> bytes:
    """Return the key of a home, making it first if there is none.

    It appears whole, for its owner only: of two processes that begin at once, both use the key of the first.

    Raises
    ------
    DamagedFile
        If the key was cut short.
    """
    path = home / KEY
    if not path.exists():
        make_private_folder(path.parent)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        fsync_file(temporary)
        with suppress(FileExistsError):  # another process made one meanwhile
            os.link(temporary, path)
        temporary.unlink()
        fsync_folder(path.parent)
    key = path.read_bytes()
    if len(key) < KEY_BYTES:
        raise DamagedFile(
            f"The key {path} of unsubscribe links is too short",
            f"{len(key)} bytes",
            "restore it; or remove it, and links sent before it stop working",
        )
    return key


def make_token(key: bytes, subscription: Subscription) -> str:
    """Return the token that stops a subscription; the same one whenever it is asked for."""
    named = "\x00".join((subscription.source, subscription.user_id, subscription.purpose)).encode()
    return f"{_text(named)}.{_text(_mac(key, named))}"


def verify_token(key: bytes, token: str) -> Subscription:
    """Return what a token stops.

    Raises
    ------
    InvalidToken
        If it was not signed with this key. The token is not repeated, and comparing takes the same time
        wherever the two signatures differ.
    """
    named_text, _, mac_text = token.strip()[:LONGEST].partition(".")
    try:
        named, mac = _bytes(named_text), _bytes(mac_text)
    except (binascii.Error, ValueError):
        named, mac = b"", b""
    if not hmac.compare_digest(_mac(key, named), mac):
        raise InvalidToken(
            "The unsubscribe token is not valid", None, "copy the whole link, or block the user by hand"
        )
    source, user_id, purpose = named.decode().split("\x00")
    return Subscription(source, user_id, purpose)


def unsubscribe_url(base: str, key: bytes, subscription: Subscription) -> str:
    """Return the link that stops a subscription: the address of the page, with the token."""
    return f"{base}{'&' if '?' in base else '?'}token={make_token(key, subscription)}"


def unsubscribe(ledger: Ledger, key: bytes, token: str, *, now: datetime) -> Subscription:
    """Block what a token names, from now on; doing it again changes nothing.

    Raises
    ------
    InvalidToken
        If the token was not made with this key.
    """
    found = verify_token(key, token)
    ledger.block_contacts([ContactBlock(found.source, found.user_id, found.purpose, "unsubscribed", now)])
    return found


def _mac(key: bytes, named: bytes) -> bytes:
    return hmac.digest(key, DOMAIN + named, hashlib.sha256)[:MAC_BYTES]


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def main(arguments: list[str] | None = None) -> int:
    """Unsubscribe by hand and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m campaigns.unsubscribe", description=__doc__)
    parser.add_argument("token", metavar="TOKEN", help="what the link carries after token=")
    token = parser.parse_args(arguments).token
    settings = Settings.from_environment()
    try:
        with Ledger.open(settings) as ledger:
            done = unsubscribe(ledger, unsubscribe_key(settings.home), token, now=utc_now())
    except HoldfastError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"User {done.user_id} of {done.source} is unsubscribed from {done.purpose}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
