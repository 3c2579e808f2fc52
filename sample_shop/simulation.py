"""One world from its definition to its deliveries and its truth."""

import datetime as dt
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from sample_shop.behaviour import live
from sample_shop.chronicle import chronicle
from sample_shop.delivery import Landing, deliver_days, promotion_day
from sample_shop.dirt import DirtCount, sprinkle
from sample_shop.forecast import HORIZONS
from sample_shop.interventions import Interventions
from sample_shop.people import people_of
from sample_shop.shelf import Shelf
from sample_shop.shop import Shop
from sample_shop.truth import TruthFiles
from sample_shop.world import ShopError, World
from sample_shop.worth import Offer

USERS_AT_ONCE = 25_000
# nothing that happens by the last day arrives after this many more days
_LATEST_ARRIVAL_DAYS = 45
# what the truth values for every user, if it is asked to
USUAL_OFFERS = (
    Offer("recommendation", "email"),
    Offer("coupon", "email", face=2000),
    Offer("service_call", "call"),
    Offer("education", "email"),
    Offer("community", "email"),
)


def simulate(
    world: World,
    last_day: dt.date,
    home: Path,
    *,
    deliver_from: dt.date | None = None,
    truth_dates: tuple[dt.date, ...] = (),
    interventions: Interventions | None = None,
    offers: tuple[Offer, ...] = (),
    users_at_once: int = USERS_AT_ONCE,
    progress: Callable[[str], None] = lambda _: None,
) -> int:
    """Simulate a world through ``last_day``, write its truth and the deliveries that are missing.

    Parameters
    ----------
    world : World
        The definition; it is kept in ``home/sample_shop/world.json``.
    home : Path
        ``HOLDFAST_HOME``. Deliveries go to landing/sample_shop, the truth to sample_shop/truth.
    deliver_from : datetime.date, optional
        Deliver nothing before this day. Days whose folder is there are never written again.
    truth_dates : tuple of datetime.date
        Further dates for the true churn probability, beside month ends, the last day, and the last day
        less 30, 60 and 90 days.
    interventions : Interventions, optional
        All that was delivered to users from outside so far. Whoever continues a world hands in all of it
        again; what is new may only concern days that were not delivered yet.
    offers : tuple of Offer
        What the truth values for every user at the end of the last day (action_worth.parquet).
    users_at_once : int
        Size of a chunk of users; it changes memory and speed, never a byte.

    Returns
    -------
    int
        How many files were written under landing.

    Raises
    ------
    ShopError
        If the home holds another world, or the dates make no sense.
    """
    end = world.day(last_day)
    if end < 0:
        raise ShopError(f"--last-day must not be before the first day {world.first_day}. Found: {last_day}.")
    definition = home / "sample_shop" / "world.json"
    if definition.exists() and (found := World.load(definition)) != world:
        raise ShopError(
            f"{definition} holds another world. Found: {found}; asked for: {world}. "
            "Ask for the same world, or use another --home."
        )
    world.save(definition)
    for left_over in definition.parent.glob(".shelf-*"):
        # a run that was killed leaves its shelf behind
        shutil.rmtree(left_over)
    landing = Landing(home / "landing" / "sample_shop")
    start = 0 if deliver_from is None else max(0, world.day(deliver_from))
    days = [day for day in range(start, end + 1) if not landing.has(world.date(day))]
    shop = Shop.open(world, end + max(HORIZONS[-1], _LATEST_ARRIVAL_DAYS) + 1, interventions)
    truth_days = frozenset(_truth_days(world, end) | {world.day(date) for date in truth_dates})
    with (
        tempfile.TemporaryDirectory(prefix=".shelf-", dir=definition.parent) as folder,
        TruthFiles(definition.parent / "truth", world) as truth,
    ):
        shelf, dirt = Shelf(Path(folder), end + 1), DirtCount()
        signed_up = world.signed_up_through(end)
        for first in range(0, max(signed_up, 1), users_at_once):
            stop = min(first + users_at_once, signed_up)
            progress(f"simulating users {first + 1}-{stop} of {signed_up} over {end + 1} days")
            people = people_of(world, shop.chance, first, stop, end)
            lives = live(shop, people, end, truth_days, offers)
            truth.add(people, lives)
            for table, rows in chronicle(shop, people, lives).items():
                dirty = sprinkle(shop.chance, world.dirty_rate, world.file_format, table, rows)
                dirt.count(table, rows["day"], dirty, end)
                shelf.put(table, dirty)
        _count_described(shop, end, dirt)
        truth.write_dirt(dirt, end)
        progress(f"delivering {len(days)} days to {landing.folder}")
        written = deliver_days(shop, shelf, landing, days, progress)
    progress(
        f"{written} files written; {sum(dirt.delivered.values())} rows delivered through {last_day} in all"
    )
    return written


def _count_described(shop: Shop, end: int, dirt: DirtCount) -> None:
    announced = sum(promotion_day(shop.world, sale) <= end for sale in shop.seasons.promotions)
    for table, rows in (("products", len(shop.catalogue.identifiers)), ("promotions", announced)):
        dirt.delivered[table] += rows
        dirt.of_the_shop[table] += rows


def _truth_days(world: World, end: int) -> set[int]:
    """Month ends, the last day, and those before it whose outcome is known by then."""
    month_ends = {day for day in range(end) if world.date(day + 1).day == 1}
    return month_ends | {end} | {end - h for h in HORIZONS if end >= h}
