"""What passes between shop and user outside the pages: sign-up, consents, campaigns, coupons, contacts."""

import numpy as np

from sample_shop.behaviour import revokes
from sample_shop.chance import Chance, Columns, Ints
from sample_shop.clock import DAY
from sample_shop.interventions import OUTLETS, PURPOSE_OF, Interventions
from sample_shop.orders import face_cents, stacked
from sample_shop.people import PURPOSES, People
from sample_shop.seasons import carries_coupon
from sample_shop.state import COUPON_VALID_DAYS, ENGAGED, FADING, GONE, Lives

# the shop's own campaigns use the first three
OWN_CHANNELS = 3
_SENT_SECOND = 36_000
_COUPON_SECOND = 32_400
# opening, by channel and then by phase (engaged, fading, gone)
_OPENS = np.array([0.34, 0.55, 0.28])
_STILL_OPENS = np.array([0.0, 1.0, 0.5, 0.12])
# clicking on what was delivered from outside, by response type
_CLICKS = np.array([0.45, 0.35, 0.10, 0.05])


def user_rows(people: People) -> Columns:
    """Make the rows of users and user_contacts, in order of sign-up."""
    return {
        "day": people.signup_day,
        "at": people.signup_day * DAY + people.signup_second,
        "number": people.number,
        "city": people.city,
        "birth_year": people.birth_year,
        "gender": people.gender,
        "channel": people.channel,
        "language": people.language,
    }


def consent_rows(people: People, lives: Lives, chance: Chance, interventions: Interventions) -> Columns:
    """Make the rows of consents: five at sign-up, withdrawals by drop-outs and by who was disturbed."""
    purpose = np.tile(np.arange(len(PURPOSES)), people.count)
    who = np.repeat(np.arange(people.count), len(PURPOSES))
    given: Columns = {
        "day": people.signup_day[who],
        "at": (people.signup_day * DAY + people.signup_second)[who],
        "user": people.number[who],
        "purpose": purpose,
        "granted": people.granted[who, purpose],
    }
    withdraws = (lives.gone_day >= 0) & revokes(people, chance)
    who, purpose = np.nonzero(people.granted & withdraws[:, None])
    day = lives.gone_day[who]
    withdrawn: Columns = {
        "day": day,
        "at": day * DAY + 80_000 + purpose,
        "user": people.number[who],
        "purpose": purpose,
        "granted": np.zeros(len(who), dtype=np.bool_),
    }
    contacts = {name: values[lives.contacts["withdraws"] > 0] for name, values in lives.contacts.items()}
    delivered = contacts["intervention"]
    disturbed: Columns = {
        "day": contacts["day"],
        "at": contacts["day"] * DAY + np.minimum(interventions.second[delivered] + 300, DAY - 60),
        "user": contacts["user"],
        "purpose": PURPOSE_OF[interventions.channel[delivered]],
        "granted": np.zeros(len(delivered), dtype=np.bool_),
    }
    return stacked(given, withdrawn, disturbed)


def touch_rows(people: People, touches: Columns, chance: Chance) -> Columns:
    """Make the rows of campaign_touches; opened_at and clicked_at are -1 where that did not happen."""
    user, campaign, phase = touches["user"], touches["campaign"], touches["phase"]
    granted = people.granted[user - (people.number[0] if people.count else 0), :OWN_CHANNELS]
    # the channel is one of those the user agreed to
    luck = np.column_stack(
        [chance.uniform(f"channel/{name}", user, campaign) for name in OUTLETS[:OWN_CHANNELS]]
    )
    channel = np.argmax(np.where(granted, luck, -1.0), axis=1)
    sent = touches["day"] * DAY + _SENT_SECOND + chance.whole("sent", 1_800, user, campaign)
    attentive = 0.4 + 1.2 * people.attention[user - (people.number[0] if people.count else 0)]
    opens = chance.uniform("opens", user, campaign) < _OPENS[channel] * _STILL_OPENS[phase] * attentive
    wait = 60 + (-np.log1p(-chance.uniform("open wait", user, campaign)) * 6_000).astype(np.int64)
    opened = sent + np.minimum(wait, 40_000)
    live = (phase == ENGAGED) | (phase == FADING)
    clicks = opens & (chance.uniform("clicks", user, campaign) < np.where(live, 0.25, 0.02))
    clicked = opened + 5 + chance.whole("click wait", 120, user, campaign)
    return {
        "day": touches["day"],
        "at": sent,
        "number": campaign * 10_000_000 + user,
        "user": user,
        "campaign": campaign,
        "channel": channel,
        "opened": np.where(opens, opened, -1),
        "clicked": np.where(clicks, clicked, -1),
        "intervention": np.full(len(user), -1),
    }


def contact_rows(people: People, contacts: Columns, chance: Chance, interventions: Interventions) -> Columns:
    """Make the rows of campaign_touches for what was delivered from outside; noticed means opened."""
    user, day, position = contacts["user"], contacts["day"], contacts["intervention"]
    number = interventions.number[position]
    sent = day * DAY + interventions.second[position]
    wait = 60 + (-np.log1p(-chance.uniform("open wait", number)) * 6_000).astype(np.int64)
    opened = np.minimum(sent + wait, day * DAY + DAY - 200)
    clicks = (
        chance.uniform("clicks", user, day)
        < _CLICKS[people.response[user - (people.number[0] if people.count else 0)]]
    )
    opens = contacts["noticed"] > 0
    clicked = opened + 5 + chance.whole("click wait", 120, number)
    return {
        "day": day,
        "at": sent,
        "number": number,
        "user": user,
        "campaign": np.full(len(user), -1),
        "channel": interventions.channel[position],
        "opened": np.where(opens, opened, -1),
        "clicked": np.where(opens & clicks & (contacts["phase"] < GONE), clicked, -1),
        "intervention": position,
    }


def ticket_rows(contacts: Columns, interventions: Interventions) -> Columns:
    """Make the rows of coupons for codes that were delivered from outside: the shop honours them."""
    chosen = interventions.face[contacts["intervention"]] > 0
    position = contacts["intervention"][chosen]
    return {
        "day": contacts["day"][chosen],
        "at": contacts["day"][chosen] * DAY + interventions.second[position],
        "number": interventions.number[position],
        "user": contacts["user"][chosen],
        "campaign": np.full(len(position), -1),
        "expires": interventions.expires[position],
        "face": interventions.face[position],
        "intervention": position,
    }


def coupon_rows(touches: Columns, chance: Chance) -> Columns:
    """Make the rows of coupons: one for each touch of a campaign that carries coupons."""
    campaign: Ints = touches["campaign"]
    chosen = np.array([carries_coupon(int(c)) for c in range(int(campaign.max(initial=0)) + 1)])[campaign]
    user, campaign, day = touches["user"][chosen], campaign[chosen], touches["day"][chosen]
    return {
        "day": day,
        "at": day * DAY + _COUPON_SECOND + chance.whole("issued", 1_200, user, campaign),
        "number": campaign * 10_000_000 + user,
        "user": user,
        "campaign": campaign,
        "expires": day + COUPON_VALID_DAYS,
        "face": face_cents(chance, user, campaign),
        "intervention": np.full(len(user), -1),
    }
