"""Coupons: issued once per user, campaign and period, and never beyond the budget."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from warehouse.ledger.bulk import insert_new, rows_by_key
from warehouse.ledger.campaign_records import Coupon, CouponBudget
from warehouse.ledger.campaign_tables import coupon_budgets, coupons
from warehouse.ledger.records import LedgerError
from warehouse.ledger.store import Store

# A budget of 1.0 must pay for ten coupons of 0.1, although their floating sum is a hair more.
CENT_FRACTION = 1e-6
# A budget is for all periods of a campaign together.
EVERY_PERIOD = "all"


class CouponBook(Store):
    """The part of the ledger that knows coupons and what they may cost."""

    def issue_coupons(
        self, connection: Connection, asked: Sequence[Coupon], *, budget: float | None, charge: float
    ) -> dict[str, Coupon]:
        """Issue coupons inside the caller's transaction, as far as the budget goes.

        The budget's row is locked first, so that askers of one campaign come one after the
        other; spending is one conditional update. Who has a coupon of the period already keeps it.

        Parameters
        ----------
        connection : Connection
            The transaction in which the messages are written too: no coupon without its message.
        asked : sequence of Coupon
            All of one source, campaign and period, each of another user; the first are served first.
        budget : float or None
            What the campaign may spend on coupons in all its periods; None for no bound.
        charge : float
            What one coupon takes from it, at least 0.

        Returns
        -------
        dict
            The coupon of each user who has one now. Who is missing came after the budget was spent.

        Raises
        ------
        LedgerError
            If the coupons are of several campaigns or periods, or one is worth nothing or less.
        """
        if not asked:
            return {}
        source, campaign_id, period = _common_key(asked, charge)
        if budget is not None:
            _lock(self, connection, (source, campaign_id, EVERY_PERIOD), budget)
        users = [coupon.user_id for coupon in asked]
        standing = self.coupons_of(connection, (source, campaign_id, period), users)
        new = [coupon for coupon in asked if coupon.user_id not in standing]
        if budget is not None:
            new = new[: _paid_for(connection, (source, campaign_id, EVERY_PERIOD), len(new), charge)]
        if insert_new(connection, coupons, [vars(coupon) for coupon in new]) != len(new):
            raise LedgerError(
                "A coupon code was drawn twice; nothing was issued", None, "run the step again: codes are new"
            )
        return standing | {coupon.user_id: coupon for coupon in new}

    def coupons_of(
        self, connection: Connection, key: tuple[str, str, str], user_ids: Sequence[str]
    ) -> dict[str, Coupon]:
        """Return the coupons that users hold of a (source, campaign, period), in the caller's transaction."""
        source, campaign_id, period = key
        statement = sa.select(coupons).filter_by(source=source, campaign_id=campaign_id, period=period)
        rows = rows_by_key(connection, statement, coupons.c.user_id, user_ids)
        return {row.user_id: Coupon(**row._mapping) for row in rows}

    def coupons(self, source: str, *, campaign_id: str | None = None) -> tuple[Coupon, ...]:
        """Return the coupons of a source, by campaign, period and user."""
        statement = (
            sa.select(coupons)
            .where(coupons.c.source == source)
            .order_by(coupons.c.campaign_id, coupons.c.period, coupons.c.user_id)
        )
        if campaign_id is not None:
            statement = statement.where(coupons.c.campaign_id == campaign_id)
        with self.reading() as connection:
            return tuple(Coupon(**row._mapping) for row in connection.execute(statement))

    def coupon_budgets(self, source: str) -> tuple[CouponBudget, ...]:
        """Return what campaigns may spend on coupons and have, by campaign and period."""
        table = coupon_budgets
        statement = (
            sa.select(table).where(table.c.source == source).order_by(table.c.campaign_id, table.c.period)
        )
        with self.reading() as connection:
            return tuple(CouponBudget(**row._mapping) for row in connection.execute(statement))


def _common_key(asked: Sequence[Coupon], charge: float) -> tuple[str, str, str]:
    keys = {(coupon.source, coupon.campaign_id, coupon.period) for coupon in asked}
    if len(keys) != 1 or len({coupon.user_id for coupon in asked}) != len(asked):
        raise LedgerError(
            "Coupons are issued for one campaign and period at a time, one per user",
            sorted(keys),
            "ask for each on its own",
        )
    worthless = [coupon.face_value for coupon in asked if not 0 < coupon.face_value < float("inf")]
    if worthless or not 0 <= charge < float("inf"):
        raise LedgerError(
            "A coupon must be worth something, and its charge must not be negative",
            worthless[:3] or charge,
            "mend the offer's face_value in the seed offers.csv",
        )
    return keys.pop()


def _lock(store: Store, connection: Connection, key: tuple[str, str, str], budget: float) -> None:
    """Put the budget that is in force on its row; the update locks the row until the transaction ends."""
    named = dict(zip(("source", "campaign_id", "period"), key, strict=True))
    values: dict[str, object] = {**named, "budget": budget, "spent": 0.0}
    connection.execute(store.insert_or_ignore(coupon_budgets, values))
    connection.execute(coupon_budgets.update().filter_by(**named).values(budget=budget))


def _paid_for(connection: Connection, key: tuple[str, str, str], wanted: int, charge: float) -> int:
    """Spend on as many coupons as the budget has room for; returns how many."""
    named = dict(zip(("source", "campaign_id", "period"), key, strict=True))
    row = connection.execute(sa.select(coupon_budgets).filter_by(**named)).one()
    room = row.budget - row.spent + CENT_FRACTION
    paid = wanted if charge == 0 else max(0, min(wanted, int(room / charge)))
    taken = connection.execute(
        coupon_budgets.update()
        .filter_by(**named)
        .where(coupon_budgets.c.spent + paid * charge <= coupon_budgets.c.budget + CENT_FRACTION)
        .values(spent=coupon_budgets.c.spent + paid * charge)
    )
    return paid if taken.rowcount else 0
