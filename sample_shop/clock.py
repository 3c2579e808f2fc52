"""Days, seconds and the numbers that ids are made of.

A moment is counted in seconds since the first day's midnight, in the shop's own time (Asia/Shanghai, which
has no daylight saving). Ids carry the date and the user's number, so they never depend on what other
users do.
"""

import numpy as np

from sample_shop.chance import Ints
from sample_shop.world import World

TIME_ZONE = "Asia/Shanghai"
CURRENCY = "CNY"
DAY = 86_400


def date_codes(world: World, day: Ints) -> Ints:
    """Return yymmdd of day numbers as whole numbers of six digits."""
    moment = np.datetime64(world.first_day, "D") + day
    month = moment.astype("datetime64[M]").astype(np.int64)
    in_month = (moment - moment.astype("datetime64[M]")).astype(np.int64) + 1
    return np.asarray((month // 12 - 30) * 10_000 + (month % 12 + 1) * 100 + in_month)


def order_numbers(world: World, day: Ints, user: Ints, failed: bool = False) -> Ints:
    """Return one number per (day, user): yymmdd, seven digits of user, 0 or 1 for a failed payment."""
    return np.asarray(date_codes(world, day) * 100_000_000 + user * 10 + int(failed))


def session_numbers(world: World, day: Ints, user: Ints) -> Ints:
    """Return one number per (day, user): yymmdd and seven digits of user."""
    return np.asarray(date_codes(world, day) * 10_000_000 + user)
