"""One line of a list, whatever list it is: made of an outbox message, the same columns for every reader."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.channels.channel import Message
from warehouse.errors import ContractBreach
from warehouse.ledger import OutboxMessage

#: Columns of file drops and of the reverse-ETL table, with what they mean. No address is among them.
COLUMNS: Mapping[str, tuple[str, str]] = {
    "campaign_id": ("text", "The campaign."),
    "user_id": ("text", "The user, as the shop names him or her. One row per campaign and user."),
    "message_id": ("text", "This contact, for ever: tell us opens and clicks under it (touch_id)."),
    "as_of_date": ("date", "The day whose decisions these are."),
    "run_id": ("text", "The run that decided."),
    "experiment_id": ("text", "The experiment that measures the campaign."),
    "action": ("text", "What is to be done: recommendation, coupon, service_call, education, community."),
    "offer_id": ("text", "The offer. NULL: none."),
    "coupon_code": ("text", "The user's own coupon code. NULL: none."),
    "face_value": ("number", "What the coupon takes off, in the currency. NULL: none."),
    "currency": ("text", "Of the face value. NULL: none."),
    "expires_on": ("date", "The last day of the offer. NULL: no end."),
    "language": ("text", "The language to use."),
    "time_zone": ("text", "The user's time zone."),
    "preferred_hour": (
        "whole number",
        "The local hour at which the user is usually active. NULL: not known.",
    ),
    "risk_tier": ("text", "high, medium or low. NULL: not known."),
    "value_tier": ("text", "high, medium or low. NULL: not known."),
    "trigger_code": ("text", "Why this campaign: a reason's theme or a warning rule. NULL: none."),
    "products": ("text", "Recommended products, best first, as a JSON array of ids. NULL: none."),
}
#: Say which contact it is, not what is said: no change if only these differ.
OF_THE_CONTACT = ("message_id", "as_of_date", "run_id")


@dataclass(frozen=True)
class Entry:
    """A message that goes out on a list, with its payload read."""

    message: OutboxMessage
    payload: Mapping[str, Any]

    @classmethod
    def of(cls, message: OutboxMessage) -> "Entry":
        """Read a message's payload.

        Raises
        ------
        ContractBreach
            If it is no JSON object.
        """
        payload = json.loads(message.payload_json)
        if not isinstance(payload, dict):
            raise ContractBreach(
                f"The payload of message {message.message_id} is no JSON object",
                type(payload).__name__,
                "look at what recorded it",
            )
        return cls(message, payload)

    def row(self) -> dict[str, Any]:
        """Return the line, one value per column of `COLUMNS`."""
        message, payload = self.message, self.payload
        risk_tier, _, value_tier = str(payload.get("stratum") or "").partition("/")
        hour, value = payload.get("preferred_hour"), payload.get("face_value")
        products = product_ids(payload.get("products") or ())
        return {
            "campaign_id": message.campaign_id,
            "user_id": message.user_id,
            "message_id": message.message_id,
            "as_of_date": message.as_of_date.isoformat(),
            "run_id": message.run_id,
            "experiment_id": message.experiment_id,
            "action": message.action,
            "offer_id": message.offer_id or None,
            "coupon_code": message.coupon_code or None,
            "face_value": None if not value else float(value),
            "currency": _text(payload.get("currency")),
            "expires_on": _text(payload.get("expires_on")),
            "language": message.language,
            "time_zone": message.time_zone,
            "preferred_hour": None if hour is None else int(hour),
            "risk_tier": _text(payload.get("risk_tier") or risk_tier),
            "value_tier": _text(payload.get("value_tier") or value_tier),
            "trigger_code": _text(payload.get("trigger_code")),
            "products": json.dumps(products, ensure_ascii=False) if products else None,
        }

    def as_message(self) -> Message:
        """Return it as the texts take it."""
        return Message.of(self.message, {"coupon_code": self.message.coupon_code, **self.payload})


def product_ids(products: Sequence[Any]) -> list[str]:
    """Return the ids of recommended products, given as ids or as mappings."""
    return [str(one["product_id"] if isinstance(one, Mapping) else one) for one in products]


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)
