"""How a chunk of users lives: day by day, all users at once."""

from dataclasses import replace

import numpy as np

from sample_shop import demand
from sample_shop.chance import Chance, Flags, Ints
from sample_shop.forecast import HORIZONS, probability_of_no_order
from sample_shop.interventions import Interventions
from sample_shop.people import CITY_REMOTENESS, People
from sample_shop.reception import reach, tickets_used
from sample_shop.seasons import CAMPAIGN_SHARE, Seasons, carries_coupon
from sample_shop.service import REACH_DAYS, serve, shocks
from sample_shop.shop import Shop
from sample_shop.state import (
    BROWSE,
    BUY,
    COUPON_VALID_DAYS,
    ENGAGED,
    FADING,
    FAIL,
    GONE,
    SEEK,
    STRAY,
    Lives,
    State,
    rows_of,
)
from sample_shop.worth import WORTH_COLUMNS, Offer, worth_of

# people look around before they buy, and now and then after they are gone
SEEKING_BROWSES_MORE = 7.0
STRAY_PER_DAY = 0.004
FAILED_PAYMENT_SHARE = 0.015
REVOKES_WHEN_GONE = 0.15


def live(
    shop: Shop, people: People, last_day: int, truth_days: frozenset[int], offers: tuple[Offer, ...] = ()
) -> Lives:
    """Let a chunk of users live from day 0 to ``last_day``.

    Parameters
    ----------
    shop : Shop
        The world; what it was reached by from outside is in ``shop.interventions``.
    truth_days : frozenset of int
        Days at whose end the true churn probability is worked out.
    offers : tuple of Offer
        What is valued for every user at the end of the last day.
    """
    life = Life(shop, people)
    life.go_on(last_day, truth_days)
    life.value(offers)
    return life.so_far()


class Life:
    """A chunk of users who live on from where they are.

    Parameters
    ----------
    shop : Shop
        The world.
    people : People
        The chunk.

    Attributes
    ----------
    state : State
        Where the users are at the end of day ``day``.
    """

    def __init__(self, shop: Shop, people: People) -> None:
        self.shop, self.people = shop, people
        self.state = State.before_the_first_day(people)
        self.day = -1

    def receive(self, interventions: Interventions) -> None:
        """Take a longer list of interventions; what it says of days that were lived is not read again."""
        self.shop = replace(self.shop, interventions=interventions)

    def go_on(self, last_day: int, truth_days: frozenset[int] = frozenset()) -> None:
        """Live through ``last_day``; the true churn probability is worked out at ``truth_days``."""
        for day in range(self.day + 1, last_day + 1):
            self._live(day)
            if day in truth_days:
                _tell_truth(self.shop.seasons, self.people, self.state, day, self._signed_up(day))
        self.day = max(self.day, last_day)

    def value(self, offers: tuple[Offer, ...]) -> None:
        """Work out what each offer is worth to each user if it is delivered on the next day."""
        everyone = np.arange(self._signed_up(self.day))
        for offer in offers:
            worth = worth_of(self.shop, self.people, self.state, self.day, who=everyone, offer=offer)
            self.state.note("worth", rows_of(self.people, everyone, self.day, **worth))

    def so_far(self) -> Lives:
        """Return what the users did, and the truth about them."""
        state = self.state
        nobody, empty = np.zeros(0, dtype=np.int64), np.zeros(0)
        no_fate = serve(
            self.shop.chance, nobody, 0, satisfaction=empty, late_share=0.0, deal=0.0, remoteness=empty
        )

        def table(name: str, *whole: str, real: tuple[str, ...] = ()) -> dict[str, Ints]:
            columns = dict.fromkeys(("user", "day", *whole), nobody)
            return state.table(name, columns | dict.fromkeys(real, empty))

        return Lives(
            sessions=table("sessions", "purpose"),
            orders=state.table(
                "orders",
                dict.fromkeys(("user", "day", "coupon", "ticket"), nobody)
                | {"satisfaction": empty}
                | no_fate,
            ),
            touches=table("touches", "campaign", "phase"),
            contacts=table("contacts", "intervention", "phase", "noticed", "withdraws", "complains"),
            fading_day=state.fading_day,
            gone_day=state.gone_day,
            satisfaction=state.satisfaction,
            churn=table("churn", "phase", real=("satisfaction", *(f"probability_{h}d" for h in HORIZONS))),
            worth=table("worth", *WORTH_COLUMNS[:3], real=WORTH_COLUMNS[3:]),
        )

    def _signed_up(self, day: int) -> int:
        return int(np.searchsorted(self.people.signup_day, day, side="right"))

    def _live(self, day: int) -> None:
        shop, people, state = self.shop, self.people, self.state
        signed_up = self._signed_up(day)
        if signed_up == 0:
            return
        state.phase[np.searchsorted(people.signup_day, day) : signed_up] = ENGAGED
        phase = state.phase[:signed_up]
        _send_campaign(shop, people, state, day, phase)
        reach(shop, people, state, day)
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


def revokes(people: People, chance: Chance) -> Flags:
    """Say which users withdraw their consents on the day they drop out."""
    return chance.uniform("revokes", people.number) < REVOKES_WHEN_GONE


def _send_campaign(shop: Shop, people: People, state: State, day: int, phase: Ints) -> None:
    chance, campaign = shop.chance, shop.seasons.campaign_started_on(day)
    if campaign >= 0:
        n = len(phase)
        chosen = people.reachable[:n] & (
            chance.uniform("touched", people.number[:n], campaign) < CAMPAIGN_SHARE
        )
        state.touched[:n] = chosen
        written_to = np.flatnonzero(chosen & ~((phase == GONE) & revokes(people, chance)[:n]))
        state.note("touches", rows_of(people, written_to, day, campaign=campaign, phase=phase[written_to]))
        if carries_coupon(campaign):
            state.coupon[written_to] = campaign
            state.coupon_day[written_to] = day
    elif not shop.seasons.campaign_running_on(day):
        state.touched[:] = False


def _wish_and_browse(shop: Shop, people: People, state: State, day: int, who: Ints) -> None:
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
    hazard *= demand.where(touched, demand.buying_response(people)[who]) * state.moved(who, day)[0]
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
    state.note("sessions", rows_of(people, visitors, day, purpose=purpose))


def _buy(shop: Shop, people: People, state: State, day: int, signed_up: int) -> None:
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
    ticket = tickets_used(shop, people, state, day, who)
    # one coupon per order, and that of a campaign from outside goes first
    uses &= ticket < 0
    coupon = np.where(uses, state.coupon[who], -1)
    state.coupon[who[uses]] = -1
    state.ticket[who[ticket >= 0]] = -1
    placed = rows_of(people, who, day, satisfaction=satisfaction, coupon=coupon, ticket=ticket)
    state.note("orders", placed | fate)
    state.note("sessions", rows_of(people, who, day, purpose=BUY))
    for offset, shock in shocks(fate):
        state.coming[(day + offset) % REACH_DAYS, who] += shock
    state.last_order[who] = day
    state.planned[who] = -1


def _lose_interest(chance: Chance, people: People, state: State, day: int, who: Ints) -> None:
    free = who[state.planned[who] < 0]
    luck = chance.uniform("interest", people.number[free], day)
    fading = state.phase[free] == FADING
    hazard = demand.fade_hazard(people.fade[free], state.satisfaction[free])
    hazard *= demand.where(state.touched[free], demand.fading_response(people)[free])
    hazard *= state.moved(free, day)[1]
    leaves = free[fading & (luck < demand.DROP_OUT_PER_DAY)]
    fades = free[~fading & (luck < demand.chance_of(hazard))]
    state.phase[leaves], state.gone_day[leaves] = GONE, day
    state.phase[fades], state.fading_day[fades] = FADING, day


def _stray(chance: Chance, people: People, state: State, day: int, gone: Ints) -> None:
    visits = gone[chance.uniform("stray", people.number[gone], day) < STRAY_PER_DAY]
    visits = visits[state.gone_day[visits] < day]
    state.note("sessions", rows_of(people, visits, day, purpose=STRAY))


def _tell_truth(seasons: Seasons, people: People, state: State, day: int, signed_up: int) -> None:
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
        moved=(state.buys[who], state.fades[who], state.moved_until[who]),
    )
    columns = {f"probability_{h}d": probability[:, i] for i, h in enumerate(HORIZONS)}
    rows = rows_of(
        people, everyone, day, phase=phase.copy(), satisfaction=state.satisfaction[:signed_up].copy()
    )
    state.note("churn", rows | columns)
