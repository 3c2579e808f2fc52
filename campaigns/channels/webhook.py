"""Webhooks as https://www.standardwebhooks.com describes them: signed, with an id that stays the same.

A receiver checks `webhook-signature` over `webhook-id.webhook-timestamp.body`, and drops ids it has seen.
No address of a user goes along: identifiers and the decision only.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence

from campaigns.channels.answers import outcome_of_body
from campaigns.channels.channel import Message, Outcome
from campaigns.channels.posting import Poster, Request
from warehouse.ledger import Clock, utc_now

TYPE = "campaign.message"


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return `v1,` and the base64 of the HMAC-SHA256 of `message_id.timestamp.body`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()}"


class WebhookChannel:
    """Posts every message to one receiver of the shop's own.

    Parameters
    ----------
    poster : Poster
        Posts to the receiver.
    secrets : sequence of bytes
        Keys to sign with, the newest first; each gives a signature, so that a key can be replaced.
    clock : callable
        Gives the moment of an attempt, which is signed.
    """

    name = "webhook"

    def __init__(self, poster: Poster, secrets: Sequence[bytes], *, clock: Clock = utc_now) -> None:
        self._poster = poster
        self._secrets = tuple(secrets)
        self._clock = clock

    def close(self) -> None:
        """Let go of every connection."""
        self._poster.close()

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """Send every message; one outcome each, in order."""
        answers = self._poster.post([self._request(message) for message in messages])
        return [
            answer.outcome or outcome_of_body(message, answer.status_code or 0, answer.body, needs_json=False)
            for message, answer in zip(messages, answers, strict=True)
        ]

    def _request(self, message: Message) -> Request:
        """Return a signed request; its body is the same in every attempt, its timestamp is the attempt's."""
        data = {
            "message_id": message.message_id,
            "idempotency_key": message.idempotency_key,
            "user_id": message.user_id,
            "campaign_id": message.campaign_id,
            "action": message.action,
            "language": message.language,
            "payload": dict(message.payload),
        }
        body = json.dumps(
            {"type": TYPE, "data": data},
            ensure_ascii=False,
            separators=(",", ":"),
            sort_keys=True,
            default=str,
        ).encode()
        timestamp = int(self._clock().timestamp())
        signatures = (signature(secret, message.message_id, timestamp, body) for secret in self._secrets)
        headers = {
            "webhook-id": message.message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signatures),
        }
        return Request(body, headers)
