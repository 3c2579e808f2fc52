"""What every channel takes, and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from warehouse.ledger import OutboxMessage


@dataclass(frozen=True)
class Message:
    """One message of the outbox, with the address that the vault gave for it.

    Attributes
    ----------
    message_id : str
        The outbox row's own id; it is the same in every attempt.
    idempotency_key : str
        What the provider is told, so that it can recognise a second attempt.
    payload : mapping
        What the text is made of; every key may be left out. `title` and `text` (the offer's own words, in
        which `{coupon_code}` and the like are filled in; `title_en`, `text_zh` give them in one language),
        `coupon_code`, `face_value`, `currency`, `minimum_order_amount`, `expires_on`, `products` (product
        ids, or mappings with `product_id` and what is known of it).
    address : str or None
        E-mail address, phone number or push token. None where the channel needs none (webhook).
        Left out of the representation, so that it cannot reach a log or a traceback by it.
    attempts : int
        How often this message was tried before.
    """

    message_id: str
    idempotency_key: str
    user_id: str
    campaign_id: str
    action: str
    channel: str
    language: str
    payload: Mapping[str, Any]
    address: str | None = field(repr=False)
    attempts: int

    @classmethod
    def of(cls, row: OutboxMessage, payload: Mapping[str, Any], address: str | None = None) -> "Message":
        """Return a row of the outbox as channels take it."""
        return cls(
            message_id=row.message_id,
            idempotency_key=row.idempotency_key,
            user_id=row.user_id,
            campaign_id=row.campaign_id,
            action=row.action,
            channel=row.channel,
            language=row.language,
            payload=payload,
            address=address,
            attempts=row.attempts,
        )


@dataclass(frozen=True)
class Outcome:
    """What became of one message.

    Attributes
    ----------
    kind : str
        `accepted`: the provider has it. `rejected`: it never will; do not try again. `try_later`: it
        has it not, and may take it later. `unknown`: it may have it; only a try with the same key is safe.
    reference : str or None
        The provider's own word for the message.
    status_code : int or None
        HTTP status or SMTP reply code.
    detail : str
        Why, for people. Never an address, a token or a secret.
    retry_after_seconds : float or None
        How long the provider asked to be left alone.
    """

    kind: Literal["accepted", "rejected", "try_later", "unknown"]
    reference: str | None = None
    status_code: int | None = None
    detail: str = ""
    retry_after_seconds: float | None = None


class Channel(Protocol):
    """A door to users: e-mail, SMS, push or webhook."""

    @property
    def name(self) -> str:
        """The channel's name, as in the outbox."""
        ...

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """Hand messages over; one outcome per message, in order.

        Never raises for a fault of the provider: that is an outcome.
        """
        ...
