"""How a chunk of users lives: day by day, all users at once."""

from dataclasses import dataclass, field

import numpy as np

from sample_shop import demand
from sample_shop.chance import Chance, Columns, Flags, Floats, Ints
from sample_shop.forecast import HORIZONS, probability_of_no_order
from sample_shop.people import CITY_REMOTENESS, People
from sample_shop.seasons import (
    CAMPAIGN_SHARE,
    Seasons,
    campaign_running_on,
    campaign_started_on,
    carries_coupon,
)
from sample_shop.service import REACH_DAYS, serve, shocks
from sample_shop.shop import Shop

ABSENT, ENGAGED, FADING, GONE = range(4)
# what a session is for
BROWSE, SEEK, BUY, STRAY, FAIL = range(5)
COUPON_VALID_DAYS = 20
# people look around before they buy, and now and then after they are gone
SEEKING_BROWSES_MORE = 7.0
STRAY_PER_DAY = 0.004
FAILED_PAYMENT_SHARE = 0.015
REVOKES_WHEN_GONE = 0.15


@dataclass
class Lives:
    """What a chunk of users did, and the truth about them.

    Attributes
    ----------
    sessions : dict
        user, day, purpose (BROWSE, SEEK, BUY, STRAY, FAIL).
    orders : dict
        user, day, satisfaction, coupon (campaign number or -1) and the fate of each paid order.
    touches : dict
        user, day, campaign, phase.
    fading_day, gone_day : numpy.ndarray
        Per user: day number when fading began and of the drop-out, -1 while that has not happened.
    satisfaction : numpy.ndarray
        Per user: satisfaction at the end of the last day (or at the drop-out).
    churn : dict
        user, day, probability_30d, probability_60d, probability_90d, phase, satisfaction.
    """

    sessions: Columns
    orders: Columns
    touches: Columns
    fading_day: Ints
    gone_day: Ints
    satisfaction: Floats
    churn: Columns


@dataclass
class _State:
    """The latent state of every user of a chunk, by position."""

    phase: Ints
    satisfaction: Floats
    coming: Floats
    last_order: Ints
    planned: Ints
    coupon: Ints
    coupon_day: Ints
    touched: Flags
    fading_day: Ints
    gone_day: Ints
    pages: dict[str, list[Columns]] = field(default_factory=dict)

    @classmethod
    def before_the_first_day(cls, people: People) -> "_State":
        n = people.count

        def never() -> Ints:
            return np.full(n, -1, dtype=np.int64)

        return cls(
            phase=np.zeros(n, dtype=np.int64),
            satisfaction=people.base_satisfaction.copy(),
            coming=np.zeros((REACH_DAYS, n)),
            last_order=np.full(n, demand.NEVER, dtype=np.int64),
            planned=never(),
            coupon=never(),
            coupon_day=never(),
            touched=np.zeros(n, dtype=np.bool_),
            fading_day=never(),
            gone_day=never(),
        )

    def note(self, table: str, columns: Columns) -> None:
        """Keep one day's rows of a table."""
        self.pages.setdefault(table, []).append(columns)

    def table(self, table: str, empty: Columns) -> Columns:
        """Join the kept rows of a table."""
        pages = self.pages.get(table, [empty])
        return {name: np.concatenate([page[name] for page in pages]) for name in pages[0]}


def live(shop: Shop, people: People, last_day: int, truth_days: frozenset[int]) -> Lives:
    """Let a chunk of users live from day 0 to ``last_day``.

    Parameters
    ----------
    truth_days : frozenset of int
        Days at whose end the true churn probability is worked out.
    """
    state = _State.before_the_first_day(people)
    for day in range(last_day + 1):
        signed_up = int(np.searchsorted(people.signup_day, day, side="right"))
        if signed_up == 0:
            continue
        state.phase[np.searchsorted(people.signup_day, day) : signed_up] = ENGAGED
        phase = state.phase[:signed_up]
        _send_campaign(shop.chance, people, state, day, phase)
        who = np.flatnonzero(phase < GONE)
        shock = state.coming[day % REACH_DAYS]
        state.satisfaction[who] = demand.next_satisfaction(
            state.satisfaction[who], people.base_satisfaction[who], shock[who]
        )
        shock[:] = 0.0
        _wish_and_browse(shop, people, state, day, who)
        _buy(shop, people, state, day, signed_up)
        _lose_interest(shop.chance, people, state, day, who)
        _stray(shop.chance, people, state, day, np.flatnonzero(phase == GONE))
        if day in truth_days:
            _tell_truth(shop.seasons, people, state, day, signed_up)
    nobody = np.zeros(0, dtype=np.int64)
    sessions = {"user": nobody, "day": nobody, "purpose": nobody}
    no_orders = {"user": nobody, "day": nobody, "satisfaction": np.zeros(0), "coupon": nobody}
    empty = np.zeros(0)
    no_fate = serve(shop.chance, nobody, 0, satisfaction=empty, late_share=0.0, deal=0.0, remoteness=empty)
    churn = {"user": nobody, "day": nobody, "phase": nobody, "satisfaction": np.zeros(0)}
    return Lives(
        sessions=state.table("sessions", sessions),
        orders=state.table("orders", no_orders | no_fate),
        touches=state.table("touches", {"user": nobody, "day": nobody, "campaign": nobody, "phase": nobody}),
        fading_day=state.fading_day,
        gone_day=state.gone_day,
        satisfaction=state.satisfaction,
        churn=state.table("churn", churn | {f"probability_{h}d": np.zeros(0) for h in HORIZONS}),
    )


def revokes(people: People, chance: Chance) -> Flags:
    """Say which users withdraw their consents on the day they drop out."""
    return chance.uniform("revokes", people.number) < REVOKES_WHEN_GONE


def _send_campaign(chance: Chance, people: People, state: _State, day: int, phase: Ints) -> None:
    campaign = campaign_started_on(day)
    if campaign >= 0:
        n = len(phase)
        chosen = people.reachable[:n] & (
            chance.uniform("touched", people.number[:n], campaign) < CAMPAIGN_SHARE
        )
        state.touched[:n] = chosen
        written_to = np.flatnonzero(chosen & ~((phase == GONE) & revokes(people, chance)[:n]))
        state.note("touches", _rows(people, written_to, day, campaign=campaign, phase=phase[written_to]))
        if carries_coupon(campaign):
            state.coupon[written_to] = campaign
            state.coupon_day[written_to] = day
    elif not campaign_running_on(day):
        state.touched[:] = False


def _wish_and_browse(shop: Shop, people: People, state: _State, day: int, who: Ints) -> None:
    seasons, chance = shop.seasons, shop.chance
    number, satisfaction, touched = people.number[who], state.satisfaction[who], state.touched[who]
    fading = state.phase[who] == FADING
    hazard = demand.purchase_rate(
        people.rate[who],
        price_sensitivity=people.price_sensitivity[who],
        satisfaction=satisfaction,
        days_since=day - state.last_order[who],
        season=seasons.demand[day],
        deal=seasons.deal[day],
    )
    hazard *= demand.where(fading, demand.FADING_BUYS)
    hazard *= demand.where(touched, demand.buying_response(people)[who])
    wish = demand.chance_of(hazard)
    wish = np.where(people.signup_day[who] == day, np.maximum(wish, demand.FIRST_DAY_WISH), wish)
    wishes = (state.planned[who] < 0) & (chance.uniform("wish", number, day) < wish)
    delay = chance.pick("delay", demand.DELAY_SHARES, number[wishes], day)
    state.planned[who[wishes]] = day + delay

    planned = state.planned[who]
    browsing = people.browsing[who] * np.sqrt(seasons.demand[day]) * np.exp(0.25 * satisfaction)
    browsing *= np.where(fading, demand.FADING_BROWSES, 1.0) * np.where(touched, 1.15, 1.0)
    browsing *= np.where(planned > day, SEEKING_BROWSES_MORE, 1.0)
    first_visit = people.signup_day[who] == day
    visits = (planned != day) & (
        first_visit | (chance.uniform("visit", number, day) < demand.chance_of(browsing))
    )
    visitors = who[visits]
    fails = chance.uniform("failed payment", number[visits], day) < FAILED_PAYMENT_SHARE
    purpose = np.where(planned[visits] > day, SEEK, np.where(fails, FAIL, BROWSE))
    state.note("sessions", _rows(people, visitors, day, purpose=purpose))


def _buy(shop: Shop, people: People, state: _State, day: int, signed_up: int) -> None:
    seasons, chance = shop.seasons, shop.chance
    who = np.flatnonzero(state.planned[:signed_up] == day)
    number, satisfaction = people.number[who], state.satisfaction[who]
    remoteness = np.array(CITY_REMOTENESS)[people.city[who]]
    fate = serve(
        chance,
        number,
        day,
        satisfaction=satisfaction,
        late_share=seasons.late_share[day],
        deal=seasons.deal[day],
        remoteness=remoteness,
    )
    holds = (state.coupon[who] >= 0) & (day - state.coupon_day[who] <= COUPON_VALID_DAYS)
    uses = holds & (chance.uniform("uses coupon", number, day) < 0.15 + 0.75 * people.price_sensitivity[who])
    coupon = np.where(uses, state.coupon[who], -1)
    state.coupon[who[uses]] = -1
    state.note("orders", _rows(people, who, day, satisfaction=satisfaction, coupon=coupon) | fate)
    state.note("sessions", _rows(people, who, day, purpose=BUY))
    for offset, shock in shocks(fate):
        state.coming[(day + offset) % REACH_DAYS, who] += shock
    state.last_order[who] = day
    state.planned[who] = -1


def _lose_interest(chance: Chance, people: People, state: _State, day: int, who: Ints) -> None:
    free = who[state.planned[who] < 0]
    luck = chance.uniform("interest", people.number[free], day)
    fading = state.phase[free] == FADING
    hazard = demand.fade_hazard(people.fade[free], state.satisfaction[free])
    hazard *= demand.where(state.touched[free], demand.fading_response(people)[free])
    leaves = free[fading & (luck < demand.DROP_OUT_PER_DAY)]
    fades = free[~fading & (luck < demand.chance_of(hazard))]
    state.phase[leaves], state.gone_day[leaves] = GONE, day
    state.phase[fades], state.fading_day[fades] = FADING, day


def _stray(chance: Chance, people: People, state: _State, day: int, gone: Ints) -> None:
    visits = gone[chance.uniform("stray", people.number[gone], day) < STRAY_PER_DAY]
    visits = visits[state.gone_day[visits] < day]
    state.note("sessions", _rows(people, visits, day, purpose=STRAY))


def _tell_truth(seasons: Seasons, people: People, state: _State, day: int, signed_up: int) -> None:
    everyone = np.arange(signed_up)
    phase = state.phase[:signed_up]
    who = np.flatnonzero(phase < GONE)
    probability = np.ones((signed_up, len(HORIZONS)))
    probability[who] = probability_of_no_order(
        day,
        who,
        people,
        seasons,
        satisfaction=state.satisfaction[who],
        coming=state.coming[:, who],
        last_order=state.last_order[who],
        fading=phase[who] == FADING,
        touched=state.touched[who],
        waiting=state.planned[who] >= 0,
    )
    columns = {f"probability_{h}d": probability[:, i] for i, h in enumerate(HORIZONS)}
    rows = _rows(
        people, everyone, day, phase=phase.copy(), satisfaction=state.satisfaction[:signed_up].copy()
    )
    state.note("churn", rows | columns)


def _rows(people: People, who: Ints, day: int, **columns: Ints | Floats | int) -> Columns:
    """Make one day's rows; single numbers are repeated."""
    rows: Columns = {"user": people.number[who], "day": np.full(len(who), day, dtype=np.int64)}
    for name, values in columns.items():
        rows[name] = np.full(len(who), values) if isinstance(values, int) else values
    return rows
