"""What happens to an order after it was paid: parcel, fault, complaint, return, review.

Everything is decided when the order is placed, and takes effect in the days after it. The shocks on
satisfaction are thereby part of the user's state, which keeps the true churn probability computable.
"""

import numpy as np

from sample_shop.chance import Chance, Columns, Floats, Ints

# the longest time from an order to its last consequence stays below this many days
REACH_DAYS = 32
# the last is no matter of orders: who was disturbed by a message asks for peace
TOPICS = ("question", "late", "stock_out", "defect", "unwanted")
REASONS = ("defective", "wrong_item", "arrived_late", "does_not_fit", "changed_mind", "not_as_described")

PLEASED = 0.16
LATE_SHOCK = -0.55
STOCK_OUT_SHOCK = -0.50
DEFECT_SHOCK = -0.80
UNANSWERED_SHOCK = -0.85
ANSWERED_SHOCK = 0.15
RETURN_SHOCK = -0.20
UNANSWERED_SHARE = 0.30


def serve(
    chance: Chance,
    user: Ints,
    day: int,
    *,
    satisfaction: Floats,
    late_share: float,
    deal: float,
    remoteness: Floats,
) -> Columns:
    """Decide the fate of the paid orders of one day.

    Parameters
    ----------
    user : numpy.ndarray
        World numbers of the users who order, each at most once.
    satisfaction : numpy.ndarray
        Their satisfaction when they order; it colours complaints and ratings.
    late_share, deal : float
        The carriers' and the shop's load on that day.
    remoteness : numpy.ndarray
        Factor on the share of late parcels.

    Returns
    -------
    dict
        One array element per order. Days are offsets from the order's day, -1 where it does not happen.
    """

    def luck(purpose: str) -> Floats:
        return chance.uniform(purpose, user, day)

    late = luck("late") < late_share * remoteness
    out_of_stock = luck("stock out") < 0.025 + 0.25 * deal
    defect = luck("defect") < 0.06
    trouble = late | out_of_stock | defect
    delivered = np.where(late, 8 + (luck("late days") * 7), 2 + luck("delivery days") * 3).astype(np.int64)
    experience = (
        LATE_SHOCK * late + STOCK_OUT_SHOCK * out_of_stock + DEFECT_SHOCK * defect + PLEASED * ~trouble
    )

    complains = luck("contact") < np.where(trouble, 0.50 - 0.12 * satisfaction, 0.05)
    topic = np.where(defect, 3, np.where(late, 1, np.where(out_of_stock, 2, 0)))
    # a late parcel is asked for before it comes, a defect after it was opened
    contacted = np.where(topic == 1, 6, np.where(topic == 2, 2, np.where(topic == 3, delivered + 1, 1)))
    unanswered = complains & (topic > 0) & (luck("unanswered") < UNANSWERED_SHARE)

    returned = luck("return") < np.where(defect, 0.50, np.where(late, 0.10, 0.05))
    returned_day = delivered + 2 + (luck("return days") * 6).astype(np.int64)
    careless = 3 + (luck("return reason") * 3).astype(np.int64)
    reason = np.where(defect, (luck("return reason") < 0.35).astype(np.int64), np.where(late, 2, careless))

    strength = np.abs(experience) + 0.5 * unanswered
    reviewed = luck("review") < 0.12 + 0.22 * strength
    lived = experience + UNANSWERED_SHOCK * unanswered
    rating = (
        4.45 + 0.7 * satisfaction + 2.2 * np.minimum(lived, 0.0) + 0.55 * chance.normal("rating", user, day)
    )
    return {
        "delivered": delivered,
        "experience": experience,
        "late": late,
        "out_of_stock": out_of_stock,
        "defect": defect,
        "contacted": np.where(complains, contacted, -1),
        "topic": topic,
        "unanswered": unanswered,
        "returned": np.where(returned, returned_day, -1),
        "reason": reason,
        "reviewed": np.where(reviewed, delivered + 1 + (luck("review days") * 7).astype(np.int64), -1),
        "rating": np.clip(np.rint(rating), 1, 5).astype(np.int64),
    }


def shocks(fate: Columns) -> list[tuple[Ints, Floats]]:
    """Return (offset in days, shock on satisfaction) for every consequence of the orders."""
    contacted = fate["contacted"]
    answered = (contacted >= 0) & (fate["topic"] > 0) & ~fate["unanswered"]
    return [
        (fate["delivered"], fate["experience"]),
        (np.maximum(contacted, 0) + 1, ANSWERED_SHOCK * answered),
        (np.maximum(contacted, 0) + 3, UNANSWERED_SHOCK * fate["unanswered"]),
        (np.maximum(fate["returned"], 1), RETURN_SHOCK * (fate["returned"] >= 0)),
    ]
