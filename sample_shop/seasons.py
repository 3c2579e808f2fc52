"""What moves everyone: weekdays, seasons, trend, promotions, campaigns and the parcel carriers' load."""

import datetime as dt
from dataclasses import dataclass

import numpy as np

from sample_shop.chance import Chance, Floats
from sample_shop.world import World

CATEGORIES = (
    "beauty", "shoes", "women", "men", "kids", "kitchen", "bedding", "phones",
    "audio", "snacks", "tea", "sports", "outdoor", "pets", "books", "toys",
)  # fmt: skip
WEEKDAY = (0.95, 0.92, 0.94, 0.97, 1.05, 1.12, 1.05)
MONTH = (0.95, 0.90, 0.98, 0.98, 1.0, 1.05, 0.97, 0.97, 1.0, 1.02, 1.10, 1.05)
TREND_PER_YEAR = 0.08
# month, first and last day of month, discount, name, key: shop-wide sales
FESTIVALS = (
    (1, 15, 25, 0.15, "New Year Fair", "NYF"),
    (3, 6, 8, 0.12, "Spring Days", "SPR"),
    (6, 10, 18, 0.20, "Mid-Year Festival", "MYF"),
    (9, 9, 10, 0.12, "Autumn Days", "AUT"),
    (11, 4, 11, 0.25, "Double Eleven", "D11"),
    (12, 11, 12, 0.15, "Double Twelve", "D12"),
)
CAMPAIGN_EVERY_DAYS = 14
CAMPAIGN_FIRST_DAY = 20
CAMPAIGN_WINDOW_DAYS = 7
CAMPAIGN_SHARE = 0.5


@dataclass(frozen=True)
class Promotion:
    """One sale; ``category`` is empty when it covers the whole shop."""

    promotion_id: str
    starts_on: dt.date
    ends_on: dt.date
    name: str
    discount_rate: float
    category: str


@dataclass(frozen=True)
class Seasons:
    """What each day brings, indexed by day number.

    Attributes
    ----------
    demand : numpy.ndarray
        Factor on everyone's purchase rate: weekday x month x trend.
    deal : numpy.ndarray
        Discount of the shop-wide promotion in force (0 when none).
    category_deal : numpy.ndarray
        Days x categories: discount of the promotion in force there, shop-wide ones included.
    late_share : numpy.ndarray
        Share of parcels that arrive late when sent on that day.
    promotions : tuple of Promotion
    own_campaigns : int, optional
        How many campaigns of its own the shop starts; None: it never stops.
    """

    demand: Floats
    deal: Floats
    category_deal: Floats
    late_share: Floats
    promotions: tuple[Promotion, ...]
    own_campaigns: int | None = None

    def campaign_started_on(self, day: int) -> int:
        """Return the number of the campaign that starts on a day, or -1."""
        campaign, since = divmod(day - CAMPAIGN_FIRST_DAY, CAMPAIGN_EVERY_DAYS)
        return campaign if since == 0 and self._is_started(campaign) else -1

    def campaign_running_on(self, day: int) -> bool:
        """Say whether a campaign's touch still works on a day."""
        campaign, since = divmod(day - CAMPAIGN_FIRST_DAY, CAMPAIGN_EVERY_DAYS)
        return since < CAMPAIGN_WINDOW_DAYS and self._is_started(campaign)

    def _is_started(self, campaign: int) -> bool:
        return campaign >= 0 and (self.own_campaigns is None or campaign < self.own_campaigns)


def seasons_of(world: World, through: int, chance: Chance) -> Seasons:
    """Work out the calendar from the first day to day number ``through``."""
    dates = [world.date(day) for day in range(through + 1)]
    elapsed = np.arange(through + 1)
    demand = np.array([WEEKDAY[date.weekday()] * MONTH[date.month - 1] for date in dates])
    demand *= 1.0 + TREND_PER_YEAR * elapsed / 365.0
    promotions = tuple(_promotions(dates[0], dates[-1], chance))
    deal = np.zeros(through + 1)
    category_deal = np.zeros((through + 1, len(CATEGORIES)))
    for promotion in promotions:
        span = slice(max(0, world.day(promotion.starts_on)), max(0, world.day(promotion.ends_on) + 1))
        where = CATEGORIES.index(promotion.category) if promotion.category else slice(None)
        category_deal[span, where] = np.maximum(category_deal[span, where], promotion.discount_rate)
        if not promotion.category:
            deal[span] = np.maximum(deal[span], promotion.discount_rate)
    # carriers are slow in sales and in spells of a few weeks that nobody announced
    spell = chance.uniform("slow carriers", elapsed // 21)
    late_share = 0.07 + 0.6 * deal + 0.10 * (spell < 0.2)
    return Seasons(demand, deal, category_deal, late_share, promotions, world.own_campaigns)


def carries_coupon(campaign: int) -> bool:
    """Every second campaign sends a coupon, the others a recommendation."""
    return campaign % 2 == 0


def _promotions(first: dt.date, last: dt.date, chance: Chance) -> list[Promotion]:
    found = []
    for month_number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        year, month = month_number // 12, month_number % 12 + 1
        sales = [
            (f"{year}-{key}", start, stop, f"{name} {year}", rate, "")
            for festival_month, start, stop, rate, name, key in FESTIVALS
            if festival_month == month
        ]
        sales.append((f"{year}{month:02d}-MEM", 25, 26, "Members Days", 0.08, ""))
        category = CATEGORIES[int(chance.whole("category sale", len(CATEGORIES), month_number)[0])]
        sales.append((f"{year}{month:02d}-CAT", 18, 24, f"{category.capitalize()} Week", 0.12, category))
        for key, start, stop, name, rate, category in sales:
            starts_on, ends_on = dt.date(year, month, start), dt.date(year, month, stop)
            found.append(Promotion(f"P{key}", starts_on, ends_on, name, rate, category))
    return [sale for sale in found if sale.ends_on >= first and sale.starts_on <= last]
