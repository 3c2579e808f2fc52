"""What campaigns from outside do to the users, and to nobody else."""

import datetime as dt
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sample_shop.behaviour import Life, live
from sample_shop.interventions import Interventions
from sample_shop.people import CHANNELS, DO_NOT_DISTURB, PERSUADABLE, people_of
from sample_shop.reaction import BADLY_SERVED
from sample_shop.shop import Shop
from sample_shop.state import FADING, GONE, Lives
from sample_shop.world import ShopError
from sample_shop.worth import Offer
from tests.sample_shop.makers import delivered_to, interventions_of, small_world

DAY, AHEAD = 200, 30
WORLD = small_world(users=10_000, days=230, own_campaigns=12)


class Reached:
    """One world in which nobody is reached, and twins of it in which everybody is, on the day after DAY."""

    def __init__(self) -> None:
        self.shop = Shop.open(WORLD, DAY + 130)
        self.people = people_of(WORLD, self.shop.chance, 0, WORLD.users, DAY)
        self.calm = Life(self.shop, self.people)
        self.calm.go_on(DAY)
        self.phase, self.satisfaction = self.calm.state.phase.copy(), self.calm.state.satisfaction.copy()
        self.alone = live(self.shop, self.people, DAY + AHEAD, frozenset())

    @cache  # noqa: B019  one for the module
    def with_everybody(
        self, action: str, channel: str = "email", through: int = DAY + AHEAD, **more: Any
    ) -> Lives:
        sent = interventions_of(WORLD, DAY + 1, self.people.number, action=action, channel=channel, **more)
        return live(Shop.open(WORLD, DAY + 130, sent), self.people, through, frozenset({DAY + 1}))

    def orders(self, lives: Lives) -> np.ndarray:
        later = lives.orders["day"] > DAY
        return np.bincount(lives.orders["user"][later], minlength=self.people.count)

    def gained(self, lives: Lives) -> np.ndarray:
        return self.orders(lives) - self.orders(self.alone)


@pytest.fixture(scope="module")
def reached() -> Reached:
    return Reached()


def test_who_is_not_reached_lives_the_same_life(reached: Reached) -> None:
    some = reached.people.number[::3]
    sent = interventions_of(WORLD, DAY + 1, some)
    lives = live(Shop.open(WORLD, DAY + 130, sent), reached.people, DAY + AHEAD, frozenset())
    for table in ("sessions", "orders"):
        ours, theirs = getattr(lives, table), getattr(reached.alone, table)
        for column in theirs:
            mine, others = (rows[column][~np.isin(rows["user"], some)] for rows in (ours, theirs))
            assert len(mine) > 1_000
            np.testing.assert_array_equal(mine, others)
    assert len(lives.orders["user"]) != len(reached.alone.orders["user"])


def test_nothing_changes_before_the_day_of_delivery(reached: Reached) -> None:
    lives = reached.with_everybody("coupon", face_value=20)
    early = [rows["user"][rows["day"] <= DAY] for rows in (lives.orders, reached.alone.orders)]
    np.testing.assert_array_equal(*early)


def test_persuadables_buy_more_and_those_who_want_peace_less(reached: Reached) -> None:
    gained = reached.gained(reached.with_everybody("recommendation"))
    response = reached.people.response
    by_type = [int(gained[response == kind].sum()) for kind in range(4)]
    assert by_type[PERSUADABLE] > 100
    assert by_type[DO_NOT_DISTURB] < -5
    # sure things would have bought anyway, lost causes do not care: not one order more or less
    assert not gained[(response != PERSUADABLE) & (response != DO_NOT_DISTURB)].any()


def test_who_is_gone_stays_gone(reached: Reached) -> None:
    for action, channel in (("coupon", "sms"), ("service_call", "call")):
        lives = reached.with_everybody(action, channel, face_value=30)
        gone = reached.phase == GONE
        assert gone.sum() > 1_000
        assert not reached.orders(lives)[gone].any()


def test_fading_persuadables_come_back(reached: Reached) -> None:
    fading = (reached.phase == FADING) & (reached.people.response == PERSUADABLE)
    lives = reached.with_everybody("service_call", "call")
    assert fading.sum() > 30
    assert (lives.gone_day[fading] >= 0).mean() < (reached.alone.gone_day[fading] >= 0).mean() - 0.15


def test_a_call_repairs_what_bad_service_broke(reached: Reached) -> None:
    people = reached.people
    badly_served = reached.satisfaction < people.base_satisfaction - BADLY_SERVED - 0.05
    badly_served &= (reached.phase < GONE) & (reached.phase > 0) & (people.response != PERSUADABLE)
    calm = people.response != DO_NOT_DISTURB
    called, mailed = (
        reached.with_everybody(*how) for how in (("service_call", "call"), ("recommendation", "email"))
    )
    assert badly_served.sum() > 300
    change = (called.satisfaction - reached.alone.satisfaction)[badly_served]
    assert change.mean() > 0.3
    assert not (mailed.satisfaction - reached.alone.satisfaction)[badly_served & calm].any()


def test_sure_things_take_the_coupon(reached: Reached) -> None:
    lives = reached.with_everybody("coupon", face_value=20)
    users = lives.orders["user"][lives.orders["ticket"] >= 0]
    taken = np.bincount(reached.people.response[users], minlength=4)
    assert taken[:3].min() > 10
    assert not (reached.alone.orders["ticket"] >= 0).any()


def test_an_expired_coupon_is_not_used(reached: Reached) -> None:
    lives = reached.with_everybody("coupon", face_value=20, valid_days=3)
    used = lives.orders["day"][lives.orders["ticket"] >= 0]
    assert len(used) > 10
    assert used.max() <= DAY + 4


def test_coupons_work_by_price_sensitivity(reached: Reached) -> None:
    gained = reached.gained(reached.with_everybody("coupon", face_value=20))
    open_to_it = (reached.people.response == PERSUADABLE) & (reached.phase == 1)
    careful = reached.people.price_sensitivity > 0.55
    careless = reached.people.price_sensitivity < 0.4
    assert gained[open_to_it & careful].mean() > gained[open_to_it & careless].mean() * 1.2


def test_those_who_want_peace_withdraw_their_consent_and_complain(reached: Reached) -> None:
    contacts = reached.with_everybody("recommendation").contacts
    disturbed = reached.people.response[contacts["user"]] == DO_NOT_DISTURB
    noticed = contacts["noticed"] > 0
    for what in ("withdraws", "complains"):
        shares = [contacts[what][noticed & kind].mean() for kind in (disturbed, ~disturbed)]
        assert shares[0] > 0.05 > 10 * shares[1]
    assert not contacts["withdraws"][~noticed].any()


def test_attention_and_channel_decide_who_notices(reached: Reached) -> None:
    attention = reached.people.attention
    mailed = reached.with_everybody("recommendation").contacts
    noticed = mailed["noticed"] > 0
    assert noticed[attention > 0.7].mean() > 1.5 * noticed[attention < 0.3].mean()
    by_sms = reached.with_everybody("recommendation", "sms").contacts["noticed"]
    assert by_sms.mean() > noticed.mean() + 0.05


@pytest.mark.parametrize("action", ["recommendation", "coupon", "service_call", "education", "community"])
def test_the_worth_of_an_action_is_what_the_shop_gains_by_it(reached: Reached, action: str) -> None:
    channel = "call" if action == "service_call" else "email"
    face = 20 if action == "coupon" else 0
    life = Life(reached.shop, reached.people)
    life.go_on(DAY)
    life.value((Offer(action, channel, face=face * 100, within_days=AHEAD),))
    worth = life.so_far().worth
    lives = reached.with_everybody(action, channel, face_value=face)
    gained, saved = (
        reached.gained(lives),
        (reached.orders(lives) > 0) * 1 - (reached.orders(reached.alone) > 0),
    )
    signed_up = len(worth["user"])
    for kind in (PERSUADABLE, DO_NOT_DISTURB):
        mine = reached.people.response[:signed_up] == kind
        for real, expected in ((gained, worth["extra_orders"]), (saved, worth["saved"])):
            noise = np.sqrt(np.square(real[:signed_up][mine]).sum())
            assert (
                abs(real[:signed_up][mine].sum() - expected[mine].sum())
                < 3.5 * noise + 0.05 * expected[mine].sum()
            )
    # it ranks users: the best tenth by worth gains most
    order = np.argsort(-worth["extra_orders"])
    tenth = signed_up // 10
    assert gained[order[:tenth]].sum() > 0.5 * gained[gained > 0].sum()


def test_the_true_probability_counts_what_was_delivered(reached: Reached) -> None:
    lives = reached.with_everybody("recommendation")
    assert set(lives.churn["day"]) == {DAY + 1}
    probability, user = lives.churn["probability_30d"], lives.churn["user"]
    response = reached.people.response
    longer = reached.with_everybody("recommendation", through=DAY + 31).orders
    later = longer["day"] > DAY + 1
    bought = np.bincount(longer["user"][later], minlength=len(response))[user] > 0
    for kind in range(4):
        mine = response[user] == kind
        spread = np.sqrt((probability[mine] * (1 - probability[mine])).sum())
        assert abs((~bought[mine]).sum() - probability[mine].sum()) < 3.5 * spread, kind


def test_response_types_lean_on_what_a_shop_can_see(reached: Reached) -> None:
    people = reached.people
    persuaded = people.response == PERSUADABLE
    by_channel = {name: persuaded[people.channel == place].mean() for place, name in enumerate(CHANNELS)}
    assert by_channel["social"] > 0.6
    assert by_channel["marketplace"] < 0.2
    assert persuaded[people.price_sensitivity > 0.6].mean() > persuaded[people.price_sensitivity < 0.2].mean()
    assert 0.2 < persuaded.mean() < 0.45
    assert 0.03 < (people.response == DO_NOT_DISTURB).mean() < 0.15


def test_the_shop_can_stop_its_own_campaigns() -> None:
    world = small_world(own_campaigns=2)
    shop = Shop.open(world, 200)
    people = people_of(world, shop.chance, 0, world.users, 90)
    assert set(live(shop, people, 90, frozenset()).touches["campaign"]) == {0, 1}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"action": "a hug"}, "action must be one of"),
        ({"channel": "pigeon"}, "channel must be one of"),
        ({"user_id": "somebody"}, "u and seven digits"),
        ({"user_id": "u0000299"}, "signed up"),
        ({"sent_at": dt.datetime(2020, 1, 1)}, "before the first day"),
    ],
)
def test_what_cannot_have_been_delivered_is_refused(change: dict[str, Any], says: str) -> None:
    world = small_world()
    with pytest.raises(ShopError, match=says):
        Interventions.of(
            pa.Table.from_pylist([delivered_to(world, 5, 0) | change]),
            first_day=world.first_day,
            signed_up=world.signed_up_through,
        )


def test_a_message_is_delivered_once() -> None:
    small = small_world()
    twice = [delivered_to(small, 5, 0), delivered_to(small, 6, 0) | {"message_id": "m5-0"}]
    with pytest.raises(ShopError, match="Found twice: 'm5-0'"):
        Interventions.of(
            pa.Table.from_pylist(twice), first_day=small.first_day, signed_up=small.signed_up_through
        )
