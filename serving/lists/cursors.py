"""Cursors: where the next page of a list begins, signed, and bound to one run and one question."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serving.problems import Problem

DOMAIN = b"holdfast-cursor-v1\x00"
MAC_BYTES = 16
LONGEST = 2_000


@dataclass(frozen=True)
class Cursor:
    """Where a page begins.

    Attributes
    ----------
    run_id : str
        The run whose list is being paged through.
    question : str
        Digest of everything that was asked for but the page.
    after : tuple
        What the page before ended with, as JSON values: the values that the list is sorted by.
    """

    run_id: str
    question: str
    after: tuple[Any, ...]


def make_cursor(key: bytes, cursor: Cursor) -> str:
    """Return a cursor as callers hand it back."""
    content = json.dumps([cursor.run_id, cursor.question, *cursor.after], ensure_ascii=False).encode()
    return _text(_mac(key, content) + content)


def read_cursor(key: bytes, text: str) -> Cursor:
    """Return what a cursor says.

    Raises
    ------
    Problem
        409 if it was not made here with this key.
    """
    try:
        signed = base64.b64decode(text[:LONGEST] + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        signed = b""
    mac, content = signed[:MAC_BYTES], signed[MAC_BYTES:]
    if not content or not hmac.compare_digest(mac, _mac(key, content)):
        raise wrong_cursor("It was not made here, or was changed.")
    run_id, question, *after = json.loads(content)
    return Cursor(run_id, question, tuple(after))


def wrong_cursor(detail: str) -> Problem:
    """Return the problem of a cursor that cannot be followed."""
    return Problem(
        409,
        "wrong_cursor",
        "The cursor does not belong to this request.",
        detail,
        "send next_cursor back as it was given, with the same parameters; or begin without a cursor",
    )


def run_gone(run_id: str) -> Problem:
    """Return the problem of a page whose run is not kept any more."""
    return Problem(
        409,
        "run_gone",
        "The run that this list was begun from is not kept any more.",
        f"Run {run_id}.",
        "begin again without a cursor: you get the newest run's list",
    )


def digest_of(parts: Sequence[object]) -> str:
    """Return a digest of what was asked for."""
    return hashlib.sha256(json.dumps(parts, default=str, ensure_ascii=False).encode()).hexdigest()[:32]


def _mac(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, DOMAIN + content, hashlib.sha256)[:MAC_BYTES]


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
