"""Composing messages: from what was decided for a user to what is written into the outbox."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from campaigns.coupons import coupon_for, planned_cost
from campaigns.decisions import Decisions
from campaigns.messages import (
    expires_at,
    idempotency_key,
    message_id_of,
    not_before,
    payload_of,
    payload_sha256,
    payload_text,
)
from campaigns.policy import COUPON, Campaign, Policy
from warehouse.errors import ContractBreach
from warehouse.ledger import Coupon, Ledger, OutboxMessage, Run
from warehouse.ledger.outbox_book import Standing

BUDGET_EXHAUSTED = "budget_exhausted"
SHOW_PRODUCTS = ("recommendation", COUPON)


@dataclass(frozen=True)
class Composer:
    """Makes the messages of one run.

    Attributes
    ----------
    currency, time_zone : str
        The shop's; its zone stands for users whose own is not known.
    """

    ledger: Ledger
    policy: Policy
    run: Run
    currency: str
    time_zone: str
    now: datetime

    def messages(
        self,
        connection: Connection,
        decisions: Decisions,
        campaign: Campaign,
        *,
        rows: Sequence[Mapping[str, Any]],
        state: str,
        standing: Mapping[str, Standing],
    ) -> list[OutboxMessage]:
        """Return the messages of some users of a campaign, with their coupons, issued in the transaction.

        Parameters
        ----------
        connection : Connection
            The transaction that records the decision.
        decisions : Decisions
            For the recommended products.
        campaign : Campaign
            Whose messages.
        rows : sequence of mapping
            What was decided for each user, best first.
        state : str
            ``pending``, or ``held`` where the launch waits.
        standing : mapping
            Messages of the day that stand already, by id.

        Raises
        ------
        ContractBreach
            If the seed does not let the campaign do what was decided.
        """
        keys = {row["user_id"]: self._checked_key(campaign, row) for row in rows}
        coupons = self._coupons(connection, campaign, keys, standing)
        products = decisions.products(list(keys)) if campaign.action in SHOW_PRODUCTS else {}
        messages = []
        for row in rows:
            user_id = row["user_id"]
            coupon = coupons.get(user_id) if coupons is not None else None
            is_exhausted = coupons is not None and coupon is None
            messages.append(
                self._message(
                    campaign,
                    row,
                    keys[user_id],
                    coupon,
                    products=products.get(user_id, ()),
                    state="suppressed" if is_exhausted else state,
                    failure=BUDGET_EXHAUSTED if is_exhausted else None,
                )
            )
        return messages

    def _coupons(
        self,
        connection: Connection,
        campaign: Campaign,
        keys: Mapping[str, str],
        standing: Mapping[str, Standing],
    ) -> dict[str, Coupon] | None:
        """Issue the coupons of some users, best first; None where the action gives none.

        Who came after the budget was spent stays without, also when the day is recorded again.
        """
        offer = self.policy.offers[campaign.offer_id]
        if campaign.action != COUPON:
            return None
        asked = []
        for user_id, key in keys.items():
            message_id = message_id_of(key)
            before = standing.get(message_id)
            if before is None or before.coupon_code is not None:
                asked.append(
                    coupon_for(
                        campaign,
                        offer,
                        source=self.run.source,
                        user_id=user_id,
                        as_of_date=self.run.as_of_date,
                        currency=self.currency,
                        message_id=message_id,
                        now=self.now,
                    )
                )
        return self.ledger.issue_coupons(
            connection, asked, budget=campaign.budget, charge=planned_cost(offer)
        )

    def _checked_key(self, campaign: Campaign, row: Mapping[str, Any]) -> str:
        """Return the message's key; refuse what the seed does not allow the campaign to do."""
        decided = (row["action"], row["offer_id"], row["experiment_id"])
        allowed = (campaign.action, campaign.offer_id, campaign.experiment_id)
        if decided != allowed or row["channel"] not in campaign.channels:
            raise ContractBreach(
                f"What was decided for {campaign.campaign_id} is not what the seed lets it do",
                (*decided, row["channel"]),
                "build and publish the day again with the seed that is to hold",
            )
        return idempotency_key(
            self.run.source, campaign.campaign_id, self.run.as_of_date, row["user_id"], row["channel"]
        )

    def _message(
        self,
        campaign: Campaign,
        row: Mapping[str, Any],
        key: str,
        coupon: Coupon | None,
        *,
        products: Sequence[Any],
        state: str,
        failure: str | None,
    ) -> OutboxMessage:
        row = {**row, "language": row["language"] or "en", "time_zone": row["time_zone"] or self.time_zone}
        offer, day = self.policy.offers[campaign.offer_id], self.run.as_of_date
        text = payload_text(payload_of(row, offer, coupon, products, as_of_date=day, currency=self.currency))
        expires = expires_at(day)
        first = not_before(row, now=self.now, expires=expires)
        return OutboxMessage(
            message_id=message_id_of(key),
            idempotency_key=key,
            payload_sha256=payload_sha256(text),
            source=self.run.source,
            run_id=self.run.run_id,
            as_of_date=day,
            campaign_id=campaign.campaign_id,
            experiment_id=campaign.experiment_id,
            user_id=row["user_id"],
            action=row["action"],
            offer_id=row["offer_id"],
            channel=row["channel"],
            language=row["language"],
            time_zone=row["time_zone"],
            payload_json=text,
            coupon_code=coupon.coupon_code if coupon else None,
            cost=row["cost"] or 0.0,
            state=state,
            failure=failure,
            not_before=first,
            expires_at=expires,
            next_attempt_at=first,
            created_at=self.now,
        )
