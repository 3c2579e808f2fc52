"""People who may sign in: passwords, and the lock after wrong ones."""

import base64
import hashlib
import hmac
import re
import secrets
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock

from serving.pages.viewers import ROLES
from warehouse.errors import HoldfastError

NAME = re.compile(r"[\w.@-]{1,64}")
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256
# 32 MiB and about a tenth of a second of one core for each try
_SCRYPT = {"n": 2**15, "r": 8, "p": 1}
_SCRYPT_MEMORY = 64 * 1024 * 1024
# many who try at once wait for each other instead of taking the machine's memory
_AT_ONCE = BoundedSemaphore(2)


class PersonError(HoldfastError):
    """A person cannot be added as asked."""


def checked_name(name: str) -> str:
    """Return a name that may sign in.

    Raises
    ------
    PersonError
        If it is empty, too long, or holds characters that a log line could not carry.
    """
    if not NAME.fullmatch(name):
        raise PersonError(
            "A person's name is 1 to 64 letters, digits and . _ - @", name, "for instance mei.chen"
        )
    return name


def checked_role(role: str) -> str:
    """Return a role that there is.

    Raises
    ------
    PersonError
        If there is none of this name.
    """
    if role not in ROLES:
        raise PersonError("There is no such role", role, f"use {', '.join(ROLES)}")
    return role


def password_hash(password: str) -> str:
    """Return the hash of a password under a salt of its own: ``scrypt$n$r$p$salt$hash``.

    Raises
    ------
    PersonError
        If the password is shorter or longer than may be.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        # the password itself is not repeated
        raise PersonError(
            f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters",
            f"{len(password)} characters",
            "three or four words that do not belong together are long enough",
        )
    salt = secrets.token_bytes(16)
    parts = [*(str(_SCRYPT[name]) for name in ("n", "r", "p")), _text(salt), _text(_scrypt(password, salt))]
    return "$".join(["scrypt", *parts])


def is_password(password: str, hashed: str) -> bool:
    """Say whether a password fits its hash, in the same time whether it does or not."""
    kind, *parts = hashed.split("$")
    if kind != "scrypt" or len(parts) != 5 or len(password) > LONGEST_PASSWORD:
        return False
    n, r, p = (int(part) for part in parts[:3])
    salt, expected = (base64.b64decode(part) for part in parts[3:])
    return hmac.compare_digest(_scrypt(password, salt, n=n, r=r, p=p), expected)


#: What the password of a name that is not there is compared with, so that both answers take as long.
NOBODY = f"scrypt${_SCRYPT['n']}${_SCRYPT['r']}${_SCRYPT['p']}$AAAAAAAAAAAAAAAAAAAAAA==$AAAA"


def _scrypt(password: str, salt: bytes, *, n: int = 2**15, r: int = 8, p: int = 1) -> bytes:
    normal = unicodedata.normalize("NFKC", password).encode()
    with _AT_ONCE:
        return hashlib.scrypt(normal, salt=salt, n=n, r=r, p=p, maxmem=_SCRYPT_MEMORY)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@dataclass
class Tries:
    """Wrong passwords of late, by name and by address: too many, and nobody is asked for a while.

    Kept in memory: a restart forgets them, and somebody who can restart the server needs no password.

    Parameters
    ----------
    allowed : int
        Wrong tries in a row that a name has; an address has four times as many.
    lock_seconds : float
        For how long a name or address is locked, counted from its last wrong try.
    clock : callable, optional
        Gives seconds that only grow.
    """

    allowed: int
    lock_seconds: float
    clock: Callable[[], float] = time.monotonic
    _wrong: dict[str, tuple[int, float]] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def take(self, name: str, address: str) -> bool:
        """Take one try, counted as wrong until ``right`` is told; says whether there was one left.

        Taken before the password is looked at: tries that come at the same time are counted, too.
        """
        now = self.clock()
        with self._lock:
            self._forget_the_old(now)
            limits = {_of_name(name): self.allowed, _of_address(address): 4 * self.allowed}
            if any(self._count(key) >= allowed for key, allowed in limits.items()):
                return False
            for key in limits:
                self._wrong[key] = (self._count(key) + 1, now)
            return True

    def is_locked(self, name: str) -> bool:
        """Say whether a name has no tries left."""
        with self._lock:
            return self._count(_of_name(name)) >= self.allowed

    def right(self, name: str, address: str) -> None:
        """Forget the wrong tries of a name that signed in, and the one taken from its address."""
        with self._lock:
            self._wrong.pop(_of_name(name), None)
            count, last = self._wrong.get(_of_address(address), (1, 0.0))
            self._wrong[_of_address(address)] = (max(0, count - 1), last)

    def _count(self, key: str) -> int:
        count, last = self._wrong.get(key, (0, 0.0))
        return count if self.clock() - last < self.lock_seconds else 0

    def _forget_the_old(self, now: float) -> None:
        # names are whatever somebody typed: what is over must not pile up
        for key in [key for key, (_, last) in self._wrong.items() if now - last >= self.lock_seconds]:
            del self._wrong[key]


def _of_name(name: str) -> str:
    return f"name {name[:64].casefold()}"


def _of_address(address: str) -> str:
    return f"address {address}"
