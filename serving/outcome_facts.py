"""What a tool reports, and what becomes of it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

EARLIEST_YEAR = 2000


@dataclass(frozen=True)
class Outcome:
    """One thing that happened, as a tool tells it.

    Attributes
    ----------
    outcome_id : str
        The tool's own id for it.
    kind : {"opened", "clicked", "converted"}
        What happened.
    message_id : str, optional
        What was opened or clicked.
    user_id, campaign_id, channel, sent_at : optional
        Of a message that the tool sent by itself.
    coupon_code, order_id : str, optional
        What was redeemed, with which order.
    """

    outcome_id: str
    kind: str
    occurred_at: datetime
    message_id: str | None = None
    user_id: str | None = None
    campaign_id: str | None = None
    channel: str | None = None
    sent_at: datetime | None = None
    coupon_code: str | None = None
    order_id: str | None = None

    @property
    def problem(self) -> tuple[str, str] | None:
        """Why it can be no outcome of anything, or None."""
        texts = (value for value in vars(self).values() if isinstance(value, str))
        if any(not text.isprintable() for text in texts):
            return "odd_text", "An id holds a character that cannot be printed."
        moments = (self.occurred_at, self.sent_at)
        if any(moment is not None and moment.year < EARLIEST_YEAR for moment in moments):
            return "long_ago", "It was not in this century."
        return None

    @property
    def sha256(self) -> str:
        """Digest of everything that was said."""
        return hashlib.sha256(json.dumps(vars(self), sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class Refused:
    """An outcome that was not taken, by its place in the report."""

    index: int
    outcome_id: str
    code: str
    detail: str


@dataclass(frozen=True)
class Taken:
    """What became of a report."""

    taken: int
    repeated: int
    refused: tuple[Refused, ...]
