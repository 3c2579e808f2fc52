"""One published shop, and the app over it, for all tests of pages that only look."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.serving.published_shop import PublishedShop, alert, app_of, sign_in


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> PublishedShop:
    shop = PublishedShop(tmp_path_factory.mktemp("shop"))
    shop.publish(risk_alerts=[alert(2, "r"), alert(4, "r", alert_kind="complaint")])
    return shop


@pytest.fixture(scope="module")
def app(shop: PublishedShop) -> Iterator[FastAPI]:
    app = app_of(shop)
    with TestClient(app):
        yield app


@pytest.fixture
def marketer(app: FastAPI) -> TestClient:
    return sign_in(TestClient(app), app, "marketer")


@pytest.fixture
def analyst(app: FastAPI) -> TestClient:
    return sign_in(TestClient(app), app, "analyst")


@pytest.fixture
def nobody(app: FastAPI) -> TestClient:
    return TestClient(app, follow_redirects=False)
