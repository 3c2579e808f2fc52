"""Fixtures of other folders that fault tests use too."""

from tests.end_to_end.conftest import first_day, landed, last_day
from tests.expectations.conftest import clean_shop, shop

__all__ = ["clean_shop", "first_day", "landed", "last_day", "shop"]
