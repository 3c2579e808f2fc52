"""Small simulated worlds, made once per test run."""

import datetime as dt

import pytest

from sample_shop.behaviour import live
from sample_shop.people import people_of
from sample_shop.shop import Shop
from sample_shop.simulation import simulate
from tests.sample_shop.makers import FIRST_DAY, Delivered, Lived, small_world


@pytest.fixture(scope="session")
def dirty_shop(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    home = tmp_path_factory.mktemp("dirty")
    world = small_world()
    simulate(world, FIRST_DAY + dt.timedelta(days=89), home)
    return Delivered(world, home)


@pytest.fixture(scope="session")
def clean_shop(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    home = tmp_path_factory.mktemp("clean")
    world = small_world(users=900, days=150, dirty_rate=0.0)
    simulate(world, FIRST_DAY + dt.timedelta(days=149), home)
    return Delivered(world, home)


@pytest.fixture(scope="session")
def lived() -> Lived:
    last_day = 419
    world = small_world(users=15_000, days=420)
    shop = Shop.open(world, last_day + 95)
    people = people_of(world, shop.chance, 0, world.users, last_day)
    truth_days = frozenset({last_day - 90, last_day - 150})
    return Lived(people, live(shop, people, last_day, truth_days), last_day)
