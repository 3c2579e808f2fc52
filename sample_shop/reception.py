"""How what campaigns from outside deliver reaches the users, and when they use its coupons."""

import numpy as np

from sample_shop import reaction
from sample_shop.chance import Ints
from sample_shop.interventions import PURPOSE_OF
from sample_shop.people import People
from sample_shop.shop import Shop
from sample_shop.state import ENGAGED, FADING, GONE, State, rows_of


def reach(shop: Shop, people: People, state: State, day: int) -> None:
    """Deliver the day's interventions, and let those who notice them react."""
    first = int(people.number[0])
    position = shop.interventions.on(day, first, first + people.count)
    if not len(position):
        return
    chance, number = shop.chance, shop.interventions.user[position]
    who, action = number - first, shop.interventions.action[position]
    channel, phase = shop.interventions.channel[position], state.phase[who]
    noticed = chance.uniform("notices", number, day) < reaction.chance_to_notice(people, who, channel, phase)
    purpose = PURPOSE_OF[channel]
    withdraws = noticed & state.granted[who, purpose]
    withdraws &= chance.uniform("withdraws", number, day) < reaction.chance_to_withdraw(people, who)
    state.granted[who[withdraws], purpose[withdraws]] = False
    complains = noticed & (phase < GONE)
    complains &= chance.uniform("complains", number, day) < reaction.chance_to_complain(people, who)
    state.note(
        "contacts",
        rows_of(
            people,
            who,
            day,
            intervention=position,
            phase=phase,
            noticed=noticed.astype(np.int64),
            withdraws=withdraws.astype(np.int64),
            complains=complains.astype(np.int64),
        ),
    )
    heard = noticed & (phase < GONE)
    position, who, action, phase = position[heard], who[heard], action[heard], phase[heard]
    does = reaction.reaction_of(people, who, day, action, state.satisfaction[who])
    luck = chance.uniform("comes back or gives up", people.number[who], day)
    returns = who[(phase == FADING) & (luck < does.comes_back)]
    leaves = who[(phase == ENGAGED) & (luck < does.gives_up)]
    state.phase[returns], state.fading_day[returns] = ENGAGED, -1
    state.phase[leaves], state.fading_day[leaves] = FADING, day
    state.satisfaction[who] = does.satisfaction
    state.buys[who], state.fades[who] = does.buys, does.fades
    state.moved_until[who] = day + reaction.WORKS_DAYS - 1
    carries = shop.interventions.face[position] > 0
    state.ticket[who[carries]] = position[carries]


def tickets_used(shop: Shop, people: People, state: State, day: int, who: Ints) -> Ints:
    """Return the position of the intervention whose coupon each order uses, or -1."""
    ticket = state.ticket[who]
    if not (ticket >= 0).any():
        return ticket
    holds = (ticket >= 0) & (shop.interventions.expires[np.maximum(ticket, 0)] >= day)
    luck = shop.chance.uniform("uses ticket", people.number[who], day)
    return np.where(holds & (luck < reaction.chance_to_redeem(people, who)), ticket, -1)
