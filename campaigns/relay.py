"""The relay: takes messages out of the outbox and hands them to their channels, until nothing is due.

Each message is claimed by one relay, in a transaction that ends before anything is sent. What became of it is
recorded per message. A message that may have arrived is unknown, and only ever tried again with its own key;
where no key helps (e-mail) it is a dead letter, which only a person tries again.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

from campaigns.channels.channel import Channel, Message, Outcome
from campaigns.claiming import claim_messages
from campaigns.policy import KEYLESS_CHANNELS, MESSAGE_CHANNELS, Policy, load_policy
from campaigns.release import expire_approvals
from warehouse.ledger import Clock, DeliveryAttempt, Ledger, OutboxMessage, utc_now
from warehouse.ledger.claim_book import Result
from warehouse.settings import Settings
from warehouse.vault import Vault


@dataclass(frozen=True)
class RelayRules:
    """How the relay goes about it.

    Attributes
    ----------
    batch : int
        Messages that are claimed and sent together.
    lease : timedelta
        How long a claim holds; longer than any batch takes. After it the messages are unknown.
    most_attempts : int
        After so many attempts a message is dead.
    first_pause, longest_pause : timedelta
        The wait after the first attempt doubles with every further one, up to the longest.
    """

    batch: int = 250
    lease: timedelta = timedelta(minutes=15)
    most_attempts: int = 8
    first_pause: timedelta = timedelta(seconds=30)
    longest_pause: timedelta = timedelta(hours=2)


@dataclass
class RelayReport:
    """What a relay did.

    Attributes
    ----------
    outcomes : Counter
        Messages by (channel, what they are now): sent, pending (to be tried again), unknown, dead.
    kept_back : Counter
        Messages by (state, reason) that were not sent: waiting, suppressed, expired.
    failures : dict
        Channels that stopped for this time, and why.
    expired_launches : int
        Launches that nobody approved in time.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    kept_back: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    expired_launches: int = 0

    @property
    def sent(self) -> int:
        """Messages that a provider took."""
        return sum(count for (_, state), count in self.outcomes.items() if state == "sent")

    def add(self, other: "RelayReport") -> None:
        """Count another report in."""
        self.outcomes += other.outcomes
        self.kept_back += other.kept_back
        self.failures |= other.failures

    def __str__(self) -> str:
        """Say it in a sentence."""
        parts = [f"{count:,} {channel} {state}" for (channel, state), count in sorted(self.outcomes.items())]
        parts += [
            f"{count:,} {state} ({reason})" for (state, reason), count in sorted(self.kept_back.items())
        ]
        parts += [f"{channel} stopped: {why}" for channel, why in sorted(self.failures.items())]
        if self.expired_launches:
            parts.append(f"{self.expired_launches:,} launches expired unapproved")
        return "; ".join(parts) or "nothing was due"


def relay(
    settings: Settings,
    ledger: Ledger,
    channels: Mapping[str, Channel],
    *,
    worker: str,
    clock: Clock = utc_now,
    limit: int | None = None,
    rules: RelayRules = RelayRules(),
) -> RelayReport:
    """Send what is due and may go, through all channels at once, so that a broken one stops no other.

    Safe to run again, and several times at once: each message is claimed by one relay. Messages of channels
    that are not given stay where they are.

    Parameters
    ----------
    settings : Settings
        Where the seeds and the vault are.
    ledger : Ledger
        Holds the outbox.
    channels : mapping
        By name.
    worker : str
        Who sends; a name that no other relay has now.
    clock : callable
        Gives the current moment in UTC.
    limit : int, optional
        Look at no more messages than this, per channel.
    rules : RelayRules
        How to go about it.

    Returns
    -------
    RelayReport
        What became of what.
    """
    policy = load_policy(settings.dbt_project)
    report = RelayReport(expired_launches=len(expire_approvals(ledger, settings.source, now=clock())))
    names = [name for name in MESSAGE_CHANNELS if name in channels]
    if not names:
        return report
    with ThreadPoolExecutor(max_workers=len(names), thread_name_prefix="relay") as pool:
        senders = [
            Sender(settings, ledger, policy, channels[name], f"{worker}/{name}", clock, rules)
            for name in names
        ]
        for part in pool.map(lambda sender: sender.send_all(limit), senders):
            report.add(part)
    return report


@dataclass(frozen=True)
class Sender:
    """Sends the messages of one channel for one relay."""

    settings: Settings
    ledger: Ledger
    policy: Policy
    channel: Channel
    worker: str
    clock: Clock
    rules: RelayRules

    def send_all(self, limit: int | None) -> RelayReport:
        """Claim, send and record batch after batch, until nothing is due or the channel is out of order."""
        report, left = RelayReport(), limit
        with Vault(self.settings) as vault:
            while left is None or left > 0:
                size = self.rules.batch if left is None else min(self.rules.batch, left)
                claimed = claim_messages(
                    self.ledger,
                    self.policy,
                    vault.addresses,
                    source=self.settings.source,
                    channel=self.channel.name,
                    worker=self.worker,
                    now=self.clock(),
                    limit=size,
                    lease=self.rules.lease,
                )
                report.kept_back += claimed.rulings
                if not claimed.looked_at:
                    return report
                left = None if left is None else left - claimed.looked_at
                if claimed.messages and not self._send(claimed.messages, report):
                    return report
        return report

    def _send(self, claimed: Sequence[tuple[OutboxMessage, str | None]], report: RelayReport) -> bool:
        """Send a batch and record what became of it; says whether the channel can take more."""
        messages = [Message.of(row, json.loads(row.payload_json), address) for row, address in claimed]
        try:
            outcomes = list(self.channel.send(messages))
        except Exception as error:  # noqa: BLE001  whatever a channel does, its messages are accounted for
            why = f"the channel failed ({type(error).__name__})"
            outcomes = [Outcome("unknown", detail=why) for _ in messages]
        if len(outcomes) != len(messages):
            why = f"the channel told of {len(outcomes)} of {len(messages)} messages"
            outcomes = [Outcome("unknown", detail=why) for _ in messages]
        results = [
            self._result(message, outcome) for (message, _), outcome in zip(claimed, outcomes, strict=True)
        ]
        self.ledger.record_results(results, self.worker)
        report.outcomes.update((self.channel.name, result.state) for result in results)
        if any(outcome.kind in ("accepted", "rejected") for outcome in outcomes):
            return True
        report.failures[self.channel.name] = outcomes[-1].detail or "it took nothing of a whole batch"
        return False

    def _result(self, message: OutboxMessage, outcome: Outcome) -> Result:
        now, attempt = self.clock(), message.attempts + 1
        told = DeliveryAttempt(
            message.message_id, attempt, now, outcome.kind, outcome.status_code, outcome.detail
        )
        if outcome.kind == "accepted":
            return Result(told, "sent", now, sent_at=now, provider_reference=_short(outcome.reference))
        may_have_it = outcome.kind == "unknown"
        state = "unknown" if may_have_it or message.sent_at is not None else "pending"
        lost_for_good = may_have_it and self.channel.name in KEYLESS_CHANNELS
        if outcome.kind == "rejected" or lost_for_good or attempt >= self.rules.most_attempts:
            state = "dead"
        pause = pause_after(message.message_id, attempt, self.rules, outcome.retry_after_seconds)
        return Result(
            told,
            state,
            now + pause,
            sent_at=now if may_have_it else None,
            failure=outcome.detail or outcome.kind,
        )


def pause_after(
    message_id: str, attempt: int, rules: RelayRules, retry_after_seconds: float | None = None
) -> timedelta:
    """Return how long a message waits after an attempt that failed.

    Exponential, with up to half of it taken off by chance, so that what failed together does not come back
    together; the chance is a hash of message and attempt, so it is the same when asked again. Never less than
    the provider asked for.
    """
    longest: timedelta = min(rules.first_pause * 2 ** min(attempt - 1, 30), rules.longest_pause)
    digest = hashlib.sha256(f"{message_id}:{attempt}".encode()).digest()
    chance = int.from_bytes(digest[:8], "big") / 2**64
    return max(longest * (1 - chance / 2), timedelta(seconds=retry_after_seconds or 0.0))


def _short(reference: str | None) -> str | None:
    return None if reference is None else reference[:300]
