"""F6: who is held out, or of the global control, is in no audience that a tool can pull, in no format."""

from collections.abc import Iterator

import pytest

from tests.serving.api.asking import CSV, NDJSON, WHOLE, Api, action, assigned, published, recorded, rights
from tests.serving.published_shop import user_id

HELD_OUT = {3: "holdout", 10: "global_control", 11: "holdout", 12: "global_control"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with published(
        tmp_path_factory.mktemp("f6"),
        # by its arm, by what was published, and by what the ledger drew since; 12 was chosen all the same
        campaign_actions=[action(2), action(3, "holdout"), action(11), action(12), action(13)],
        campaign_assignments=[assigned(3, "holdout"), assigned(10, "global_control")],
        user_contact_rights=rights(range(40)),
    ) as api:
        with api.ledger.writing() as connection:
            api.ledger.record_assignments(
                connection,
                [
                    recorded(11, "holdout", "recommendation_1"),
                    recorded(12, "global_control", "global_control"),
                ],
            )
        yield api


def everything_that_can_be_pulled(shop: Api) -> dict[str, str]:
    tool = shop.tool("audience:*", fields=WHOLE)
    names = [one["name"] for one in tool.get("/v1/audiences").json()["audiences"]]
    assert {"win_back_coupon", "recommendation", "high_risk", "medium_risk"} <= set(names)
    return {
        f"{name} as {accept}": tool.get(f"/v1/audiences/{name}", accept, limit=1000).text
        for name in names
        for accept in ("application/json", NDJSON, CSV)
    }


def test_nobody_held_out_is_in_anything_that_can_be_pulled(shop: Api) -> None:
    pulled = everything_that_can_be_pulled(shop)
    assert any(user_id(2) in text for text in pulled.values())
    assert any(user_id(13) in text for text in pulled.values())
    for what, text in pulled.items():
        assert not [number for number in HELD_OUT if user_id(number) in text], what


def test_places_of_the_held_out_stay_empty(shop: Api) -> None:
    answer = shop.tool("audience:*").get("/v1/audiences/win_back_coupon").json()
    assert answer["audience_size"] == 2
    assert answer["withheld"] == {"held_out": 2, "global_control": 1}


def test_no_user_who_is_held_out_has_a_recommended_action(shop: Api) -> None:
    tool = shop.tool("users:read", fields=WHOLE)
    assert tool.get(f"/v1/users/{user_id(13)}/risk").json()["recommended_action"]
    for number in HELD_OUT:
        assert tool.get(f"/v1/users/{user_id(number)}/risk").json()["recommended_action"] is None
