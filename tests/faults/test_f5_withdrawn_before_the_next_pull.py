"""F5: consent withdrawn, a user erased or unsubscribed since the list was built: gone from the next pull."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from campaigns.unsubscribe import Subscription, make_token, unsubscribe_key
from tests.serving.api.asking import NDJSON, Api, action, block, published, rights
from tests.serving.published_shop import user_id
from tests.warehouse.dbt_makers import Shop
from warehouse.settings import Settings
from warehouse.vault import sync_people

USERS = (2, 3, 10, 11, 12)
PATHS = ("/v1/audiences/win_back_coupon", "/v1/audiences/high_risk")


@pytest.mark.parametrize("path", PATHS)
def test_who_said_no_after_the_list_was_built_is_gone_from_the_next_pull(tmp_path: Path, path: str) -> None:
    with published(
        tmp_path,
        campaign_actions=[action(number) for number in USERS],
        user_contact_rights=rights(USERS, "email"),
    ) as api:
        tool = api.tool("audience:*", "users:read")
        assert pulled(tool.get(path, NDJSON).text) == {user_id(number) for number in USERS}
        api.ledger.block_contacts([block(2, "any", "erased"), block(3, "profiling")])
        unsubscribe_by_link(api, 10)
        withdraw_by_delivery(api, 11)
        assert pulled(tool.get(path, NDJSON).text) == {user_id(12)}
        answer = tool.get(path).json()
        # of a tier, others have agreed to nothing
        withheld = {reason: users for reason, users in answer["withheld"].items() if reason != "no_consent"}
        assert withheld == {"erased": 1, "consent_withdrawn": 2, "unsubscribed": 1}
        assert not any(user_id(number) in json.dumps(answer) for number in (2, 3, 10, 11))
        # and what is told of one of them recommends nothing
        assert tool.get(f"/v1/users/{user_id(10)}/risk").json()["recommended_action"] is None


def pulled(text: str) -> set[str]:
    return {json.loads(line)["user_id"] for line in text.splitlines()}


def unsubscribe_by_link(api: Api, number: int) -> None:
    key = unsubscribe_key(api.shop.settings.warehouse.home)
    token = make_token(key, Subscription("sample_shop", user_id(number), "email"))
    assert TestClient(api.app).post("/unsubscribe", params={"token": token}).status_code == 200


def withdraw_by_delivery(api: Api, number: int) -> None:
    settings: Settings = api.shop.settings.warehouse
    shop = Shop(settings.home)
    word = {
        "user_id": user_id(number),
        "purpose": "email",
        "changed_at": datetime(2026, 6, 30, 9),
        "granted": False,
    }
    shop.deliver(datetime(2026, 6, 30).date(), consents=[word])
    sync_people(settings, api.ledger)
