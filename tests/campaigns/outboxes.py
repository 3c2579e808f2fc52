"""An outbox with messages that may go, channels that do as they are told, a relay as a process of its own.

Run as a program it relays once: tests start several, and kill them.
"""

import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from campaigns.channels.channel import Message, Outcome
from campaigns.channels.posting import Poster
from campaigns.channels.webhook import WebhookChannel
from campaigns.relay import RelayReport, RelayRules, relay
from tests.warehouse.ledger.campaign_makers import assignment, message
from warehouse.ledger import Ledger, OutboxMessage
from warehouse.settings import Settings
from warehouse.vault import Vault

SOURCE = "sample_shop"
NOW = datetime(2026, 6, 30, 12, 0, tzinfo=UTC)
SECRET = b"a secret of enough bytes to sign with"
RULES = RelayRules(batch=50)


def settings_of(home: Path, ledger_url: str = "") -> Settings:
    return Settings(
        home=home,
        source=SOURCE,
        ledger_url=ledger_url or f"sqlite:///{home / 'ledger' / 'ledger.db'}",
        sending=True,
    )


class Outbox:
    """A ledger with messages to users who are treated, and a clock that stands still until it is moved."""

    def __init__(self, home: Path, ledger_url: str = "") -> None:
        self.settings = settings_of(home, ledger_url)
        self.ledger = Ledger.open(self.settings)
        self.now = NOW
        with Vault(self.settings):
            pass

    def put(self, *users: str, arm: str = "treatment", **changes: Any) -> tuple[OutboxMessage, ...]:
        """Write a message to each user, and the arm with it."""
        campaign_id = changes.get("campaign_id", "recommendation")
        experiment_id = f"{campaign_id}_1"
        values = {
            "source": SOURCE,
            "campaign_id": campaign_id,
            "experiment_id": experiment_id,
            "not_before": NOW,
            "next_attempt_at": NOW,
            "created_at": NOW,
            "as_of_date": NOW.date() - timedelta(days=1),
            "expires_at": NOW + timedelta(days=4),
        }
        messages = tuple(message(user, **values | changes) for user in users)
        of_experiment = {"campaign_id": campaign_id, "experiment_id": experiment_id}
        assigned = [
            assignment(
                user, arm, source=one.source, assigned_on=NOW.date() - timedelta(days=1), **of_experiment
            )
            for user, one in zip(users, messages, strict=True)
        ]
        with self.ledger.writing() as connection:
            self.ledger.record_assignments(connection, assigned)
            self.ledger.write_messages(connection, messages)
        return messages

    def addresses(self, *rows: tuple[str, str | None, str | None, str | None]) -> None:
        """Put (user, email, phone, push_token) into the vault, in the order of delivery."""
        with Vault(self.settings) as vault, vault.writing():
            place = vault.progress("place")
            vault.put(rows, place + 1)
            vault.note_progress("place", place + len(rows))

    def relay(self, *channels: Any, rules: RelayRules = RULES, worker: str = "") -> RelayReport:
        """Relay once at the moment of the clock."""
        return relay(
            self.settings,
            self.ledger,
            {channel.name: channel for channel in channels},
            worker=worker or uuid.uuid4().hex,
            clock=lambda: self.now,
            rules=rules,
        )

    def states(self) -> dict[str, str]:
        return {one.user_id: one.state for one in self.ledger.messages(SOURCE)}

    def counts(self) -> Counter[str]:
        return Counter(one.state for one in self.ledger.messages(SOURCE))

    def one(self, user_id: str) -> OutboxMessage:
        (found,) = self.ledger.messages(SOURCE, user_id=user_id)
        return found


@contextmanager
def outbox(home: Path, ledger_url: str = "") -> Iterator[Outbox]:
    made = Outbox(home, ledger_url)
    try:
        yield made
    finally:
        made.ledger.close()


class ScriptedChannel:
    """A channel in this process that answers by user; keeps what it was handed."""

    def __init__(
        self, answer: Callable[[Message], Outcome] = lambda _: Outcome("accepted"), name: str = "webhook"
    ) -> None:
        self.name = name
        self.answer = answer
        self.handed: list[Message] = []
        self._lock = threading.Lock()

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        with self._lock:
            self.handed += messages
        return [self.answer(one) for one in messages]

    @property
    def users(self) -> list[str]:
        return [one.user_id for one in self.handed]


def webhook(url: str, answer_seconds: float = 2.0) -> WebhookChannel:
    """Return the real webhook channel to a receiver of this machine."""
    return WebhookChannel(Poster(url, {}, answer_seconds=answer_seconds), [SECRET])


def main() -> int:
    """Relay until nothing is due: HOME LEDGER_URL RECEIVER_URL WORKER [LEASE_SECONDS]."""
    home, ledger_url, url, worker = sys.argv[1:5]
    lease = timedelta(seconds=float(sys.argv[5]) if len(sys.argv) > 5 else 900)
    settings, channel = settings_of(Path(home), ledger_url), webhook(url)
    rules = RelayRules(batch=20, lease=lease, most_attempts=20, first_pause=timedelta())
    with Ledger.open(settings) as ledger:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        report = relay(
            settings,
            ledger,
            {"webhook": channel},
            worker=worker,
            clock=lambda: datetime.now(UTC),
            rules=rules,
        )
        sys.stdout.write(f"{report.sent}\n")
    channel.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
