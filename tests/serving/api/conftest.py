"""One published shop for all tests that only read."""

from collections.abc import Iterator

import pytest

from tests.serving.api.asking import Api, action, assigned, published, rights


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with published(
        tmp_path_factory.mktemp("api"),
        campaign_actions=[action(2), action(3, "holdout"), action(12), action(13, channel="sms")],
        campaign_assignments=[assigned(3, "holdout"), assigned(20, "global_control")],
        user_contact_rights=rights(range(40)),
    ) as api:
        yield api
