"""Fixtures of other folders that fault tests use too."""

from tests.expectations.conftest import clean_shop, shop

__all__ = ["clean_shop", "shop"]
