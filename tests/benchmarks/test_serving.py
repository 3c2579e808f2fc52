"""The benchmark of the API publishes what the server can serve, and counts what came."""

from pathlib import Path

from fastapi.testclient import TestClient

from benchmarks.served_users import LISTED_SHARE, publish_users
from benchmarks.serving import ROW_BEGINS, _key, _settings, percentile
from serving.app import create_app
from serving.settings import ServingSettings

USERS = 500


def test_made_up_users_are_served_with_everything_that_is_told_of_one(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    publish_users(settings, USERS)
    headers = {"Authorization": f"Bearer {_key(settings)}"}
    with TestClient(create_app(ServingSettings(settings))) as client:
        told = client.get("/v1/users/u00000030/risk", headers=headers).json()
        lines = client.get("/v1/at-risk", headers=headers | {"Accept": "application/x-ndjson"}).content
    assert told["reasons"][0]["sentence_en"]
    assert told["recommended_action"]["campaign_id"] == "recommendation"
    assert len(told["tier_history"]) >= 1
    assert told["contacts"]
    assert lines.count(ROW_BEGINS) == lines.count(b"\n") == USERS * LISTED_SHARE


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
