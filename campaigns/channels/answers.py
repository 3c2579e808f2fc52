"""What the body of a 2xx answer says: for one message, or for each of a batch.

A receiver's own words go into an outcome only where they are short codes: a sentence may repeat an address.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from campaigns.channels.channel import Message, Outcome

#: What receivers call a message that they have, that they will never take, and that they may take later.
ACCEPTED = frozenset(("accepted", "ok", "queued", "scheduled", "sending", "sent", "delivered", "success"))
TRY_LATER = frozenset(("try_later", "retry", "throttled", "rate_limited", "busy", "temporary_failure"))
REJECTED = frozenset(("rejected", "failed", "failure", "error", "invalid", "undelivered", "blocked"))
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}|[0-9]{1,6}")
REFERENCE = re.compile(r"[A-Za-z0-9_.:/+=-]{1,200}")
#: What says that a whole answer, or one result, is about a failure.
SAYS_FAILURE = ("error", "errors", "error_code")


def outcome_of_body(message: Message, code: int, body: bytes, *, needs_json: bool) -> Outcome:
    """Return the outcome of one message from the body that answered it.

    Parameters
    ----------
    message : Message
        The message.
    code : int
        HTTP status, 2xx.
    body : bytes
        What came back. Empty is accepted.
    needs_json : bool
        Whether a body that is no JSON object leaves the outcome unknown, or does not matter.
    """
    content = _json(body)
    if isinstance(content, Mapping):
        return _outcome(message, code, content)
    if body.strip() and needs_json:
        return Outcome("unknown", status_code=code, detail="the answer is no JSON object")
    return Outcome("accepted", status_code=code)


def outcomes_of_batch(messages: Sequence[Message], code: int, body: bytes) -> list[Outcome]:
    """Return the outcome of every message of a batch, in order.

    Results are found by `message_id` or `idempotency_key`, never by their place. A message without a
    result, or with two that differ, is unknown. A batch that failed as a whole has an `error` and no results.
    """
    content = _json(body)
    results = _results(content)
    if results is None:
        if isinstance(content, Mapping) and _says_failure(content):
            return [_outcome(message, code, content) for message in messages]
        return [Outcome("unknown", status_code=code, detail="the answer has no results") for _ in messages]
    found: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        if isinstance(result, Mapping):
            key = result.get("message_id") or result.get("idempotency_key")
            found.setdefault(str(key), []).append(result)
    return [_of_results(message, code, found) for message in messages]


def is_refused_whole(body: bytes) -> bool:
    """Say whether an answer to a batch tells nothing of its messages one by one."""
    return _results(_json(body)) is None


def _results(content: object) -> list[Any] | None:
    results = content.get("results") if isinstance(content, Mapping) else None
    return results if isinstance(results, list) else None


def _of_results(message: Message, code: int, found: Mapping[str, list[Mapping[str, Any]]]) -> Outcome:
    results = [*found.get(message.message_id, ()), *found.get(message.idempotency_key, ())]
    outcomes = {_outcome(message, code, result) for result in results}
    if len(outcomes) == 1:
        return outcomes.pop()
    detail = "the results contradict each other" if outcomes else "the answer has no result for it"
    return Outcome("unknown", status_code=code, detail=detail)


def _outcome(message: Message, code: int, content: Mapping[str, Any]) -> Outcome:
    error = content.get("error")
    inner = error if isinstance(error, Mapping) else {}
    kind = _kind(content, inner)
    said = [inner.get("code"), content.get("error_code"), content.get("code"), error, content.get("status")]
    word = next((safe for value in said if (safe := _safe(value, WORD, message))), None)
    if kind == "accepted":
        reference = next(
            (safe for key in ("id", "reference") if (safe := _safe(content.get(key), REFERENCE, message))),
            None,
        )
        return Outcome("accepted", reference, code)
    if kind == "unknown":
        return Outcome("unknown", status_code=code, detail="the answer has a status that is not known")
    detail = f"the receiver took the request and answered a failure{f' ({word})' if word else ''}"
    seconds = content.get("retry_after_seconds", inner.get("retry_after_seconds"))
    waits = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds <= 86_400
    return Outcome(kind, None, code, detail, float(seconds) if waits and kind == "try_later" else None)


def _kind(
    content: Mapping[str, Any], inner: Mapping[str, Any]
) -> Literal["accepted", "rejected", "try_later", "unknown"]:
    status = str(content.get("status", "")).lower()
    retryable = content.get("retryable", inner.get("retryable")) is True
    if status in TRY_LATER:
        return "try_later"
    if status in REJECTED or _says_failure(content):
        return "try_later" if retryable else "rejected"
    if status in ACCEPTED or "status" not in content:
        return "accepted"
    return "unknown"


def _says_failure(content: Mapping[str, Any]) -> bool:
    negative = content.get("success") is False or content.get("ok") is False
    return negative or any(content.get(key) for key in SAYS_FAILURE)


def _safe(value: object, pattern: re.Pattern[str], message: Message) -> str | None:
    """Return a short code as it is; None for anything that may hold what must not be repeated."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    digits = re.sub(r"\D", "", message.address or "")
    repeats = bool(message.address) and (str(message.address) in text or (len(digits) > 5 and digits in text))
    return text if pattern.fullmatch(text) and not repeats else None


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
