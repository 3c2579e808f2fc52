"""The outbox's side of lists: which messages may go on a list now, and that they went.

Rules are asked again just before a list is written. A list is written once: who may not be on it now is
suppressed with the reason. A message is claimed in the transaction that asked, so that no other channel takes
the same place under a cap meanwhile, and is marked sent once the list is where readers find it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from campaigns.arms import GLOBAL_CONTROL
from campaigns.claiming import judge_messages
from campaigns.policy import Policy
from campaigns.sending_rules import EVERYTHING
from warehouse.ledger import DeliveryAttempt, Ledger, OutboxMessage, Run
from warehouse.ledger.claim_book import Result, Ruling
from warehouse.settings import Settings
from warehouse.vault import Vault

#: Who claims. There is one writer of lists at a time, so whatever this name still holds is a dead writer's.
WORKER = "lists"
CLAIMED_FOR = timedelta(hours=1)
WAITING = ("pending", "unknown", "claimed")
NEWER_LIST = "a newer day's list took its place"


class Outlet:
    """The messages of one batch channel.

    Parameters
    ----------
    channel : str
        `call`, `file` or `table`.
    policy : Policy
        The seeds, asked again.
    """

    def __init__(
        self, settings: Settings, ledger: Ledger, policy: Policy, run: Run, channel: str, *, now: datetime
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._run = run
        self._channel = channel
        self._now = now
        self._begun: set[str] = set()
        # a list says at which hours to call; it is written whenever its day is ready
        hours = replace(policy.contacts[channel], sends_from_hour=0, sends_until_hour=24)
        self._policy = replace(policy, contacts={**policy.contacts, channel: hours})

    def waiting(self) -> tuple[OutboxMessage, ...]:
        """Return the day's messages that were released and not yet handed over, by campaign."""
        found = [
            message
            for state in WAITING
            for message in self._of_day(state=state)
            if state != "claimed" or message.claimed_by == WORKER
        ]
        return tuple(sorted(found, key=lambda message: (message.campaign_id, message.user_id)))

    def handed_over(self, campaign_id: str | None = None) -> tuple[OutboxMessage, ...]:
        """Return the day's messages that are on a list, without users who must be left alone since."""
        sent = self._of_day(state="sent", campaign_id=campaign_id)
        gone = self.left_alone([message.user_id for message in sent])
        return tuple(message for message in sent if message.user_id not in gone)

    def claim(self, messages: Sequence[OutboxMessage]) -> tuple[OutboxMessage, ...]:
        """Ask the rules again and claim whoever may go; the others get a reason why not."""
        with Vault(self._settings) as vault, self._ledger.writing() as connection:
            self._ledger.lock_claims(connection, self._run.source)
            stand = self._ledger.standing_messages(connection, [message.message_id for message in messages])
            still = [
                _due(message, self._now) for message in messages if stand[message.message_id].state in WAITING
            ]
            goes, rulings = judge_messages(
                connection, self._ledger, self._policy, still, addresses=vault.addresses, now=self._now
            )
            self._ledger.rule(connection, [_final(ruling) for ruling in rulings])
            ids = {message.message_id for message, _ in goes}
            self._ledger.claim(connection, sorted(ids), WORKER, self._now + CLAIMED_FOR)
        self._begun |= ids
        return tuple(message for message in messages if message.message_id in ids)

    def mark_sent(self, messages: Sequence[OutboxMessage], reference: str) -> None:
        """Record that messages are on a list that readers can see."""
        self._record(messages, "accepted", "sent", reference, None)

    def give_back(self, messages: Sequence[OutboxMessage], failure: str) -> None:
        """Record that the list could not be written: the messages wait for another try."""
        self._record(messages, "try_later", "pending", None, failure)

    def let_older_days_go(self) -> int:
        """Let expire what still waits of earlier days: only the newest day's list contacts people."""
        return self._ledger.expire_earlier_days(
            self._run.source, self._channel, self._run.as_of_date, NEWER_LIST
        )

    def left_alone(self, user_ids: Sequence[str]) -> set[str]:
        """Return those users who must not be contacted now: blocked, held out, or in the global control."""
        users = sorted(set(user_ids))
        purposes = (self._policy.contacts[self._channel].consent_purpose, *EVERYTHING)
        with self._ledger.reading() as connection:
            blocks = self._ledger.blocks_of(connection, self._run.source, users)
            apart = self._ledger.left_alone(connection, self._run.source, users)
        blocked = {
            user for user, of_user in blocks.items() if any(one.purpose in purposes for one in of_user)
        }
        today = self._now.date()
        held = {
            user
            for user, assignments in apart.items()
            for one in assignments
            if one.arm == GLOBAL_CONTROL or self._runs(one.experiment_id, one.assigned_on, today)
        }
        return blocked | held

    def _of_day(self, *, state: str, campaign_id: str | None = None) -> tuple[OutboxMessage, ...]:
        return self._ledger.messages(
            self._run.source,
            as_of_date=self._run.as_of_date,
            channel=self._channel,
            state=state,
            campaign_id=campaign_id,
        )

    def _runs(self, experiment_id: str, assigned_on: date, today: date) -> bool:
        goal_days = self._policy.goal_days(experiment_id)
        return goal_days is not None and today <= assigned_on + timedelta(days=goal_days)

    def _record(
        self,
        messages: Sequence[OutboxMessage],
        outcome: str,
        state: str,
        reference: str | None,
        failure: str | None,
    ) -> None:
        results = [
            Result(
                DeliveryAttempt(
                    message.message_id,
                    message.attempts + (message.message_id in self._begun),
                    self._now,
                    outcome,
                    None,
                    failure or "",
                ),
                state,
                self._now,
                sent_at=self._now if state == "sent" else None,
                provider_reference=reference,
                failure=failure,
            )
            for message in messages
        ]
        self._ledger.record_results(results, WORKER)


def _final(ruling: Ruling) -> Ruling:
    """Return what becomes of a message that may not be on this list: there is no later one for it."""
    return ruling if ruling.state == "expired" else replace(ruling, state="suppressed")


def _due(message: OutboxMessage, now: datetime) -> OutboxMessage:
    """Return a message as due now: the hour to say it at is the team's or the tool's to keep."""
    return message if message.not_before <= now else replace(message, not_before=now)
