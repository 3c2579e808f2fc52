"""Outcomes that tools report: checked, taken once each, and landed as the shop's own tables are delivered."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from serving.access import Caller
from serving.outcome_facts import Outcome, Refused, Taken
from serving.problems import Problem
from warehouse.errors import ContractBreach
from warehouse.ledger import Coupon, Ledger, ReportedOutcome
from warehouse.ledger.outcome_book import SentMessage
from warehouse.reported import REDEMPTIONS, TOUCHES, Row, land_reported, table_for
from warehouse.settings import Settings
from warehouse.sources import Source, load_source

OPENED, CLICKED, CONVERTED, BATCH = "opened", "clicked", "converted", "batch"
# clocks of tools may be a little ahead
AHEAD = timedelta(minutes=5)
UNKNOWN_MESSAGE = "No message of this id was sent for a campaign that this key may report on."
UNKNOWN_COUPON = "No coupon of this code was issued for a campaign that this key may report on."


@dataclass
class _Sorted:
    """The outcomes of a report that are new, as rows to land."""

    touches: dict[str, SentMessage] = field(default_factory=dict)
    outcomes: list[tuple[Outcome, str]] = field(default_factory=list)
    redemptions: list[Row] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


class Reporter:
    """Takes reports of one shop.

    Parameters
    ----------
    settings : Settings
        Where deliveries land, and how the shop declares its tables.
    ledger : Ledger
        Knows what was sent, and what was reported before.
    """

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger

    def take(self, caller: Caller, outcomes: Sequence[Outcome], batch_key: str | None) -> Taken:
        """Take a report: what is new is landed and recorded in one transaction, or nothing of it is.

        The file comes first. A crash before the record is written leaves a file that the repeated report
        writes again, the same bytes under the same name.

        Raises
        ------
        Problem
            409 if an id was used for something else before, or the shop takes no outcomes.
        """
        source = load_source(self._settings.source, self._settings.dbt_project)
        now = self._ledger.clock()
        sound = [(index, outcome) for index, outcome in enumerate(outcomes) if outcome.problem is None]
        ids = [outcome.outcome_id for _, outcome in sound]
        batch = None if batch_key is None else _batch(batch_key, outcomes)
        with self._ledger.writing() as connection:
            known = self._ledger.known_outcomes(
                connection, source.name, caller.name, [*ids, *([batch[0]] if batch else [])]
            )
            if batch is not None and known.get(batch[0], batch[1]) != batch[1]:
                raise _contradiction(f"The Idempotency-Key {batch_key!r} came with another report before.")
            found = self._sort(connection, source, caller, _fresh(sound, known), now)
            found.refused += [
                Refused(index, outcome.outcome_id, *outcome.problem)
                for index, outcome in enumerate(outcomes)
                if outcome.problem is not None
            ]
            landed = self._land(connection, source, found, now)
            records = [
                ReportedOutcome(
                    source=source.name,
                    reporter=caller.name,
                    outcome_id=outcome.outcome_id,
                    sha256=outcome.sha256,
                    kind=outcome.kind,
                    subject=subject,
                    occurred_at=outcome.occurred_at,
                    reported_at=now,
                    landed_as=landed[REDEMPTIONS if outcome.kind == CONVERTED else TOUCHES],
                )
                for outcome, subject in found.outcomes
            ]
            if batch is not None and not found.refused:
                records.append(
                    ReportedOutcome(source.name, caller.name, *batch, BATCH, caller.key_id, now, now, "")
                )
            self._ledger.record_outcomes(connection, records)
        repeated = len(outcomes) - len(found.outcomes) - len(found.refused)
        return Taken(len(found.outcomes), repeated, tuple(found.refused))

    def _sort(
        self,
        connection: Connection,
        source: Source,
        caller: Caller,
        fresh: Sequence[tuple[int, Outcome]],
        now: datetime,
    ) -> _Sorted:
        """Tell what can be taken from what cannot."""
        messages = self._ledger.sent_messages(
            connection, source.name, [one.message_id for _, one in fresh if one.message_id]
        )
        coupons = self._ledger.issued_coupons(
            connection, source.name, [one.coupon_code for _, one in fresh if one.coupon_code]
        )
        found = _Sorted()
        for index, outcome in fresh:
            refusal = (
                ("in_the_future", "It has not happened yet: occurred_at is later than now.")
                if outcome.occurred_at > now + AHEAD
                else _sort_one(found, caller, outcome, messages, coupons)
            )
            if refusal is not None:
                found.refused.append(Refused(index, outcome.outcome_id, *refusal))
        return found

    def _land(
        self, connection: Connection, source: Source, found: _Sorted, now: datetime
    ) -> Mapping[str, str]:
        """Write what was found into landing; returns where, by table."""
        landed = {}
        rows: dict[str, Sequence[Row]] = {
            TOUCHES: self._touches(connection, source, found),
            REDEMPTIONS: found.redemptions,
        }
        for name, of_table in rows.items():
            if not of_table:
                continue
            try:
                table = table_for(source, name)
            except ContractBreach as error:
                raise Problem(
                    409,
                    "outcomes_not_taken",
                    "The shop is not declared to take such outcomes.",
                    error.what,
                    error.remedy,
                ) from error
            path = land_reported(self._settings, source, table, of_table, now=now)
            landed[name] = f"{path.parent.name}/{path.name}"
        return landed

    def _touches(self, connection: Connection, source: Source, found: _Sorted) -> list[Row]:
        """Return one row per touch with everything reported so far: a newer row replaces an older one."""
        moments = self._ledger.first_moments(connection, source.name, list(found.touches))
        for outcome, subject in found.outcomes:
            if outcome.kind != CONVERTED:
                key = (subject, outcome.kind)
                moments[key] = min(outcome.occurred_at, moments.get(key, outcome.occurred_at))
        return [
            {
                "touch_id": touch_id,
                "user_id": touch.user_id,
                "campaign_id": touch.campaign_id,
                "channel": touch.channel,
                "sent_at": touch.sent_at,
                "opened_at": moments.get((touch_id, OPENED)),
                "clicked_at": moments.get((touch_id, CLICKED)),
            }
            for touch_id, touch in sorted(found.touches.items())
        ]


def _sort_one(
    found: _Sorted,
    caller: Caller,
    outcome: Outcome,
    messages: Mapping[str, SentMessage],
    coupons: Mapping[str, Coupon],
) -> tuple[str, str] | None:
    """Put one outcome where it belongs, or return why it cannot be taken."""
    if outcome.kind == CONVERTED:
        coupon = coupons.get(outcome.coupon_code or "")
        if coupon is None or not _may_report(caller, coupon.campaign_id):
            return "unknown_coupon", UNKNOWN_COUPON
        redemption_id = f"{caller.name}/{outcome.outcome_id}"
        found.redemptions.append(
            {
                "redemption_id": redemption_id,
                "coupon_code": coupon.coupon_code,
                "order_id": outcome.order_id,
                "redeemed_at": outcome.occurred_at,
            }
        )
        found.outcomes.append((outcome, coupon.coupon_code))
        return None
    touch_id, touch = _touch_of(caller, outcome, messages)
    if touch is None or not _may_report(caller, touch.campaign_id):
        return "unknown_message", UNKNOWN_MESSAGE
    found.touches[touch_id] = touch
    found.outcomes.append((outcome, touch_id))
    return None


def _touch_of(
    caller: Caller, outcome: Outcome, messages: Mapping[str, SentMessage]
) -> tuple[str, SentMessage | None]:
    message_id = outcome.message_id or ""
    if message_id in messages:
        return message_id, messages[message_id]
    if outcome.user_id is None or outcome.campaign_id is None or outcome.sent_at is None:
        return message_id, None
    # a tool's own ids are its own: they can stand for nobody else's message
    touch_id = f"{caller.name}/{message_id}"
    own = SentMessage(
        touch_id, outcome.user_id, outcome.campaign_id, outcome.channel or "other", outcome.sent_at
    )
    return touch_id, own


def _may_report(caller: Caller, campaign_id: str) -> bool:
    """Say whether a key may report on a campaign: one that is for some audiences, on those only."""
    limited = any(scope.startswith("audience:") for scope in caller.scopes)
    return not limited or caller.may(f"audience:{campaign_id}")


def _fresh(outcomes: Sequence[tuple[int, Outcome]], known: Mapping[str, str]) -> list[tuple[int, Outcome]]:
    """Return the outcomes that are new, with their places.

    Raises
    ------
    Problem
        409 if an id stands for something else.
    """
    seen = dict(known)
    fresh: list[tuple[int, Outcome]] = []
    for index, outcome in outcomes:
        before = seen.get(outcome.outcome_id)
        if before is None:
            seen[outcome.outcome_id] = outcome.sha256
            fresh.append((index, outcome))
        elif before != outcome.sha256:
            raise _contradiction(f"outcomes[{index}] has an outcome_id that stood for something else before.")
    return fresh


def _batch(key: str, outcomes: Sequence[Outcome]) -> tuple[str, str]:
    """Return the id and the digest of a whole report."""
    text = json.dumps([outcome.sha256 for outcome in outcomes])
    return f"batch:{key}", hashlib.sha256(text.encode()).hexdigest()


def _contradiction(detail: str) -> Problem:
    return Problem(
        409,
        "contradiction",
        "What is sent contradicts what was sent before under the same id.",
        detail,
        "give what is new an id of its own; nothing of this report was taken",
    )


def told(taken: Taken) -> dict[str, Any]:
    """Return what the answer says."""
    return {
        "taken": taken.taken,
        "repeated": taken.repeated,
        "refused": [vars(one) for one in taken.refused],
    }
