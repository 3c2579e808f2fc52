"""SMS and push through a provider that takes JSON over HTTP, one message or a batch in a request.

One message in a request:

    POST <url>   Authorization: Bearer …   Idempotency-Key: <idempotency_key>
    {"message_id": "…", "idempotency_key": "…", "channel": "sms", "to": "+86…", "text": "…", "language": "zh",
     "campaign_id": "…"}

A batch: `{"messages": [{…}, …]}`, answered by `{"results": [{"message_id": "…", "status": "accepted"}, …]}`;
its Idempotency-Key is made of those of its messages.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from campaigns.channels.answers import is_refused_whole, outcome_of_body, outcomes_of_batch
from campaigns.channels.channel import Message, Outcome
from campaigns.channels.frames import FrameMaker
from campaigns.channels.posting import Answer, Poster, Request
from campaigns.channels.texts import language_of, render_text
from warehouse.errors import ContractBreach

#: Messages that go in one request: their place among those to be sent, and what is told of each.
Batch = Sequence[tuple[int, dict[str, Any]]]


class HttpProvider:
    """Sends the messages of one channel to a provider.

    Parameters
    ----------
    name : str
        `sms` or `push`.
    poster : Poster
        Posts to the provider, with its token.
    frames : FrameMaker
        Makes the links.
    batch_size : int
        Messages in one request.
    """

    def __init__(self, name: str, poster: Poster, frames: FrameMaker, *, batch_size: int = 1) -> None:
        self.name = name
        self._poster = poster
        self._frames = frames
        self._batch_size = batch_size

    def close(self) -> None:
        """Let go of every connection."""
        self._poster.close()

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """Send every message; one outcome each, in order."""
        outcomes: dict[int, Outcome] = {}
        items: list[tuple[int, dict[str, Any]]] = []
        for place, message in enumerate(messages):
            try:
                items.append((place, self._item(message)))
            except ContractBreach as error:
                outcomes[place] = Outcome("rejected", detail=str(error))
        size = self._batch_size
        batches = [items[first : first + size] for first in range(0, len(items), size)]
        outcomes |= self._sent(messages, batches)
        return [outcomes[place] for place in range(len(messages))]

    def _sent(self, messages: Sequence[Message], batches: Sequence[Batch]) -> dict[int, Outcome]:
        """Send batches; return the outcomes by place.

        Of a batch that is refused as a whole each message is sent by itself: one that the provider cannot
        take does not stand in the way of the others.
        """
        outcomes: dict[int, Outcome] = {}
        refused: list[Batch] = []
        answers = self._poster.post([self._request([item for _, item in batch]) for batch in batches])
        for batch, answer in zip(batches, answers, strict=True):
            found = self._outcomes([messages[place] for place, _ in batch], answer)
            if (
                len(batch) > 1
                and is_refused_whole(answer.body)
                and {one.kind for one in found} == {"rejected"}
            ):
                refused += [[one] for one in batch]
            outcomes |= {place: outcome for (place, _), outcome in zip(batch, found, strict=True)}
        return outcomes | (self._sent(messages, refused) if refused else {})

    def _item(self, message: Message) -> dict[str, Any]:
        """Return what the provider is told of one message."""
        if not (message.address or "").strip():
            raise ContractBreach(f"There is no {self.name} address", None, "have the shop deliver one")
        text = render_text(message, f"{self.name}.txt", self._frames.frame(message))
        item = {
            "message_id": message.message_id,
            "idempotency_key": message.idempotency_key,
            "channel": self.name,
            "to": message.address,
            "language": language_of(message),
            "campaign_id": message.campaign_id,
        }
        if self.name == "sms":
            return item | {"text": "\n".join(part for part in (text.title, text.body) if part)}
        return item | {"title": text.title, "text": text.body}

    def _request(self, items: Sequence[dict[str, Any]]) -> Request:
        keys = [str(item["idempotency_key"]) for item in items]
        if self._batch_size == 1:
            return Request(_json(items[0]), {"Idempotency-Key": header_safe(keys[0])})
        together = hashlib.sha256("\n".join(keys).encode()).hexdigest()
        return Request(_json({"messages": list(items)}), {"Idempotency-Key": together})

    def _outcomes(self, messages: Sequence[Message], answer: Answer) -> Sequence[Outcome]:
        if answer.outcome is not None:
            return [answer.outcome for _ in messages]
        code = answer.status_code or 0
        if self._batch_size == 1:
            return [outcome_of_body(messages[0], code, answer.body, needs_json=True)]
        return outcomes_of_batch(messages, code, answer.body)


def header_safe(key: str) -> str:
    """Return a key as a header can carry it: itself if it is plain ASCII, else its sha256."""
    if key.isascii() and key.isprintable() and 0 < len(key) <= 255 and key == key.strip():
        return key
    return hashlib.sha256(key.encode()).hexdigest()


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
