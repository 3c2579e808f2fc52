"""One campaign of one day, inside the transaction that records it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from sqlalchemy.engine import Connection

from campaigns.arms import GLOBAL_CONTROL, TREATMENT, arm
from campaigns.composing import Composer
from campaigns.decisions import Chosen, Decisions
from campaigns.limits import Planned, Spent, admit
from campaigns.messages import idempotency_key, message_id_of
from campaigns.policy import Campaign, Policy
from campaigns.sending_rules import held_out_until
from warehouse.ledger import CampaignAssignment, CampaignLaunch, Ledger, OutboxMessage, Run
from warehouse.ledger.bulk import in_chunks
from warehouse.ledger.outbox_book import Standing

# What a person, or the deadline, said of a campaign's day stands when the day is recorded again.
FINAL = ("rejected", "expired")


@dataclass
class Launching:
    """What was recorded of a campaign.

    Attributes
    ----------
    messages : list of OutboxMessage
        Kept for dry runs only.
    """

    record: CampaignLaunch
    messages_new: int = 0
    changed: tuple[str, ...] = ()
    messages: list[OutboxMessage] = field(default_factory=list)


@dataclass(frozen=True)
class Launcher:
    """Records campaigns of one run; nothing here commits.

    Attributes
    ----------
    composer : Composer
        Makes the messages.
    deadline : datetime
        When an approval comes too late.
    keeps_messages : bool
        Whether `launch` gives back the messages, to be looked at.
    """

    ledger: Ledger
    policy: Policy
    run: Run
    composer: Composer
    now: datetime
    deadline: datetime
    keeps_messages: bool = False

    def launch(
        self, connection: Connection, decisions: Decisions, campaign_id: str, planned: Planned
    ) -> Launching:
        """Record one campaign: who is taken on, their arms, whether it waits, coupons and messages."""
        campaign, run, ledger = self.policy.campaign(campaign_id), self.run, self.ledger
        before = ledger.launches_of_day(connection, run.source, run.as_of_date, campaign_id)
        chosen, alone = self._may_be_reached(connection, campaign, decisions.chosen(campaign_id))
        arms = self._arms(connection, campaign, chosen)
        keys = {one.user_id: message_id_of(self._key(campaign_id, one)) for one in chosen}
        standing = ledger.standing_messages(connection, list(keys.values()))
        admission = admit(
            campaign,
            self.policy.contacts,
            chosen,
            audience=decisions.audience(campaign_id),
            held_out={user for user, found in arms.items() if found != TREATMENT},
            standing={user for user, key in keys.items() if key in standing},
            spent=self._spent(connection, campaign, len(standing)),
            planned=planned,
        )
        left_out = {**admission.left_out, "left alone by another experiment": alone}
        if admission.refusal is not None:
            return self._rests(connection, campaign, len(chosen), admission.refusal)
        self._assign(connection, campaign, admission.taken, arms)
        treated = [one for one in admission.taken if arms[one.user_id] == TREATMENT]
        record = self._judged(campaign, admission.taken, treated, before, _left_out_text(left_out))
        launching = Launching(record)
        if record.state not in FINAL:
            self._write_messages(connection, decisions, launching, {one.user_id for one in treated}, standing)
        if launching.changed:
            told = f"{len(launching.changed):,} messages changed since they were recorded; the first stand"
            launching.record = _because(launching.record, told)
        ledger.record_launch(connection, launching.record)
        return launching

    def _key(self, campaign_id: str, one: Chosen) -> str:
        return idempotency_key(self.run.source, campaign_id, self.run.as_of_date, one.user_id, one.channel)

    def _may_be_reached(
        self, connection: Connection, campaign: Campaign, chosen: Sequence[Chosen]
    ) -> tuple[list[Chosen], int]:
        """Return those whom no other experiment leaves alone, and how many are."""
        alone = self.ledger.left_alone(connection, self.run.source, [one.user_id for one in chosen])
        reached = [
            one
            for one in chosen
            if not any(
                assignment.arm == GLOBAL_CONTROL
                or (
                    assignment.experiment_id != campaign.experiment_id
                    and self.run.as_of_date < held_out_until(assignment, self.policy)
                )
                for assignment in alone.get(one.user_id, ())
            )
        ]
        return reached, len(chosen) - len(reached)

    def _spent(self, connection: Connection, campaign: Campaign, contacts_today: int) -> Spent:
        ledger, run, day = self.ledger, self.run, self.run.as_of_date
        return Spent(
            contacts_today=contacts_today,
            cost_today=ledger.spent_on(connection, run.source, campaign.campaign_id, day, day),
            cost=ledger.spent_on(connection, run.source, campaign.campaign_id, date.min, day),
        )

    def _rests(self, connection: Connection, campaign: Campaign, chosen: int, refusal: str) -> Launching:
        record = self._record(campaign, chosen=chosen, treated=0, held_out=0, cost=0.0, state="refused")
        record = _because(record, refusal)
        self.ledger.record_launch(connection, record)
        return Launching(record)

    def _arms(self, connection: Connection, campaign: Campaign, chosen: Sequence[Chosen]) -> dict[str, str]:
        """Return everybody's arm: as it was recorded first, else as it is drawn."""
        drawn = {
            one.user_id: one.arm or arm(campaign.salt, campaign.experiment_id, one.user_id, one.holdout_share)
            for one in chosen
        }
        users = list(drawn)
        return drawn | self.ledger.arms_of(connection, self.run.source, campaign.experiment_id, users)

    def _assign(
        self, connection: Connection, campaign: Campaign, taken: Sequence[Chosen], arms: Mapping[str, str]
    ) -> None:
        """Record the arms that are new."""
        run = self.run
        for part in in_chunks(taken):
            self.ledger.record_assignments(
                connection,
                [
                    CampaignAssignment(
                        source=run.source,
                        experiment_id=campaign.experiment_id,
                        user_id=one.user_id,
                        campaign_id=campaign.campaign_id,
                        arm=arms[one.user_id],
                        stratum=one.stratum,
                        holdout_share=one.holdout_share,
                        salt=campaign.salt,
                        assigned_on=run.as_of_date,
                        run_id=run.run_id,
                    )
                    for one in part
                ],
            )

    def _judged(
        self,
        campaign: Campaign,
        taken: Sequence[Chosen],
        treated: Sequence[Chosen],
        before: Sequence[CampaignLaunch],
        left_out: str | None,
    ) -> CampaignLaunch:
        """Return the launch: released, or waiting for a person where the seed asks for one."""
        cost = sum(one.cost for one in treated)
        record = self._record(
            campaign,
            chosen=len(taken),
            treated=len(treated),
            held_out=len(taken) - len(treated),
            cost=cost,
            state="released",
        )
        final = next((one for one in reversed(before) if one.state in FINAL), None)
        if final is not None:
            return _because(record, f"was {final.state} before by {final.decided_by}", state=final.state)
        is_large = len(treated) > campaign.approval_above_users or cost > campaign.approval_above_cost
        approved = any(
            one.state == "released"
            and one.decided_by is not None
            and one.users_treated >= len(treated)
            and one.expected_cost >= cost
            for one in before
        )
        record = _because(record, left_out)
        if not is_large or approved:
            return record
        deadlines = [one.deadline_at for one in before if one.state == "awaiting_approval"]
        return _because(
            record,
            f"more than {campaign.approval_above_users:,} users or a cost of "
            f"{campaign.approval_above_cost:,.2f} waits for a person",
            state="awaiting_approval",
            deadline=min([self.deadline, *(one for one in deadlines if one is not None)]),
        )

    def _record(
        self, campaign: Campaign, *, chosen: int, treated: int, held_out: int, cost: float, state: str
    ) -> CampaignLaunch:
        return CampaignLaunch(
            source=self.run.source,
            run_id=self.run.run_id,
            campaign_id=campaign.campaign_id,
            as_of_date=self.run.as_of_date,
            experiment_id=campaign.experiment_id,
            users_chosen=chosen,
            users_treated=treated,
            users_held_out=held_out,
            expected_cost=cost,
            state=state,
            created_at=self.now,
        )

    def _write_messages(
        self,
        connection: Connection,
        decisions: Decisions,
        launching: Launching,
        treated: Collection[str],
        standing: Mapping[str, Standing],
    ) -> None:
        campaign = self.policy.campaign(launching.record.campaign_id)
        state = "held" if launching.record.state == "awaiting_approval" else "pending"
        for part in decisions.rows(campaign.campaign_id):
            rows = [row for row in part if row["user_id"] in treated]
            messages = self.composer.messages(
                connection, decisions, campaign, rows=rows, state=state, standing=standing
            )
            written = self.ledger.write_messages(connection, messages)
            launching.messages_new += written.new
            launching.changed += written.changed
            if self.keeps_messages:
                launching.messages += messages


def _because(
    record: CampaignLaunch, reason: str | None, *, state: str | None = None, deadline: datetime | None = None
) -> CampaignLaunch:
    """Return a launch with one more reason, and another state if one is given."""
    told = "; ".join(text for text in (record.reason, reason) if text) or None
    return replace(
        record, reason=told, state=state or record.state, deadline_at=deadline or record.deadline_at
    )


def _left_out_text(left_out: Mapping[str, int]) -> str | None:
    counted = [f"{users:,} by {limit}" for limit, users in left_out.items() if users]
    return f"left out: {', '.join(counted)}" if counted else None
