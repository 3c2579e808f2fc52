"""Who is asking: the key of a request, what it may do, how often, and the entry in the audit."""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from serving.audit import AuditWriter
from serving.keys import KEY, is_secret_of
from serving.limits import RequestRates, WrongKeys
from serving.problems import Problem, not_found
from warehouse.ledger import Action, ApiKey, Ledger

# a key that was revoked is refused after this at the latest
REMEMBERED_SECONDS = 1.0
MOST_REMEMBERED = 1024

bearer = HTTPBearer(auto_error=False, scheme_name="key", description="A key made with `make key`.")


@dataclass(frozen=True)
class Caller:
    """Whoever is asking.

    Attributes
    ----------
    name : str
        The tool.
    key_id : str
        The public part of its key.
    fields : frozenset of str or None
        The sets of columns it sees; None for those of risk only.
    """

    name: str
    key_id: str
    scopes: frozenset[str]
    fields: frozenset[str] | None = None

    @property
    def actor(self) -> str:
        """How the audit names it."""
        return f"key:{self.key_id}"

    def may(self, scope: str) -> bool:
        """Say whether it may do something."""
        kind, _, name = scope.partition(":")
        return scope in self.scopes or (kind == "audience" and name != "" and "audience:*" in self.scopes)

    def check_audience(self, name: str) -> None:
        """Refuse an audience that is not this caller's, in the words for one that does not exist.

        Raises
        ------
        Problem
            404.
        """
        if not self.may(f"audience:{name}"):
            raise not_found("No audience of this name.")


class Gate:
    """Lets callers in: verifies keys, remembers the good ones for a second, and counts.

    Parameters
    ----------
    ledger : Ledger
        Knows the keys.
    audit : AuditWriter
        Where requests are recorded.
    rates, wrong_keys : optional
        Counters of their own, for tests.
    """

    def __init__(
        self,
        ledger: Ledger,
        audit: AuditWriter,
        rates: RequestRates | None = None,
        wrong_keys: WrongKeys | None = None,
    ) -> None:
        self._ledger = ledger
        self.audit = audit
        self._rates = rates or RequestRates()
        self._wrong_keys = wrong_keys or WrongKeys()
        self._lock = threading.Lock()
        self._good: OrderedDict[bytes, tuple[ApiKey, float]] = OrderedDict()

    async def let_in(self, credentials: HTTPAuthorizationCredentials | None, address: str) -> Caller:
        """Return the caller whose key this is, and take one request off what it may ask for.

        Raises
        ------
        Problem
            401 without a good key, 429 beyond what the key may ask or after many wrong ones.
        """
        if credentials is None:
            raise _unauthorized("The request carries no key.")
        digest = hashlib.sha256(credentials.credentials.encode()).digest()
        key, is_remembered = self._remembered(digest)
        if not is_remembered:
            shut_out = self._wrong_keys.shut_out_for(address) if key is None else 0
            if shut_out:
                raise _shut_out(shut_out)
            key = await run_in_threadpool(self._verify, credentials.credentials)
            if key is None:
                self._forget(digest)
                self._wrong_keys.note(address)
                raise _unauthorized("The key is not good.")
            self._remember(digest, key)
        assert key is not None  # noqa: S101  remembered or verified
        self._rates.take(key.key_id, key.requests_per_minute)
        return Caller(key.name, key.key_id, key.scopes, key.field_sets or None)

    def _verify(self, text: str) -> ApiKey | None:
        parts = KEY.fullmatch(text)
        if parts is None:
            return None
        key = self._ledger.find_key(parts[1])
        return key if is_secret_of(key, parts[2], self._ledger.clock()) else None

    def _remembered(self, digest: bytes) -> tuple[ApiKey | None, bool]:
        """Return a key that was good once, and whether that was so lately that it is good still."""
        with self._lock:
            key, until = self._good.get(digest, (None, 0.0))
        return key, key is not None and time.monotonic() < until

    def _forget(self, digest: bytes) -> None:
        with self._lock:
            self._good.pop(digest, None)

    def _remember(self, digest: bytes, key: ApiKey) -> None:
        with self._lock:
            self._good.pop(digest, None)
            self._good[digest] = (key, time.monotonic() + REMEMBERED_SECONDS)
            while len(self._good) > MOST_REMEMBERED:
                self._good.popitem(last=False)


def caller_with(scope: str | None = None, *, recorded: bool = True) -> Callable[..., Awaitable[Caller]]:
    """Return the dependency that lets in callers with a scope and records their request.

    Parameters
    ----------
    scope : str, optional
        What the caller must be allowed to do; without one any good key is let in.
    recorded : bool
        Whether the request is in the audit; False only for what reveals nobody.
    """

    async def caller(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
    ) -> Caller:
        gate: Gate = request.app.state.gate
        address = request.client.host if request.client else ""
        found = await gate.let_in(credentials, address)
        request.state.caller = found
        if scope is not None and not found.may(scope):
            raise Problem(
                403,
                "scope_missing",
                "This key may not do that.",
                f"It lacks the scope {scope}.",
                f"ask for a key with it: `python -m serving key create … --scope {scope}`",
            )
        if recorded:
            await gate.audit.write(
                Action(found.actor, f"api.{request.method.lower()}", request.url.path, {"name": found.name})
            )
        return found

    return caller


def _unauthorized(detail: str) -> Problem:
    return Problem(
        401,
        "key_needed",
        "A good key is needed.",
        detail,
        "send `Authorization: Bearer <key>`; keys are made with `make key NAME=… SCOPE=…`",
        headers={"WWW-Authenticate": 'Bearer realm="holdfast"'},
    )


def _shut_out(seconds: int) -> Problem:
    return Problem(
        429,
        "too_many_wrong_keys",
        "Too many wrong keys came from this address.",
        "",
        "wait as long as Retry-After says, then send a good key",
        headers={"Retry-After": str(seconds)},
    )
