"""Asking the API as a tool does: an app over a published shop, and keys that may do this and that."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from httpx import Response

from serving.app import create_app
from serving.keys import make_key
from tests.serving.published_shop import DAY, PublishedShop, Row, user_id
from warehouse.ledger import CampaignAssignment, ContactBlock, Ledger, utc_now

NDJSON, CSV, PARQUET = "application/x-ndjson", "text/csv", "application/vnd.apache.parquet"
WHOLE = ("risk", "profile")


class Api:
    """An app over a shop, and clients with keys of their own."""

    def __init__(self, shop: PublishedShop) -> None:
        self.shop = shop
        self.app = create_app(shop.settings)
        self._numbers = itertools.count()

    @property
    def ledger(self) -> Ledger:
        """The app's ledger."""
        ledger: Ledger = self.app.state.ledger
        return ledger

    def key(self, *scopes: str, fields: Sequence[str] = (), name: str = "") -> dict[str, str]:
        """Return the header of a new key."""
        key, text = make_key(
            name or f"tool {next(self._numbers)}",
            frozenset(scopes),
            now=utc_now(),
            by="test",
            field_sets=frozenset(fields),
            requests_per_minute=100_000,
        )
        self.ledger.add_key(key, by="test")
        return {"Authorization": f"Bearer {text}"}

    def tool(self, *scopes: str, fields: Sequence[str] = (), name: str = "") -> "Tool":
        """Return a client with a key of its own."""
        return Tool(TestClient(self.app), self.key(*scopes, fields=fields, name=name))


class Tool:
    """A client that always sends its key."""

    def __init__(self, client: TestClient, headers: Mapping[str, str]) -> None:
        self.client = client
        self.headers = dict(headers)

    def get(self, path: str, accept: str | None = None, **parameters: Any) -> Response:
        headers = self.headers | ({"Accept": accept} if accept else {})
        return self.client.get(path, params=parameters, headers=headers)

    def post(self, path: str, content: Any, **headers: str) -> Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, json=content, headers=self.headers | sent)

    def users(self, path: str, **parameters: Any) -> list[str]:
        """Return the users of every page, in order."""
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = self.get(path, **parameters, **cursor)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += [user["user_id"] for user in page["users"]]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}


@contextmanager
def published(home: Path, **tables: Sequence[Row]) -> Iterator[Api]:
    """Publish a day and serve it."""
    shop = PublishedShop(home)
    shop.publish(**tables)
    api = Api(shop)
    with TestClient(api.app):
        yield api


def action(number: int, arm: str = "treatment", **changes: Any) -> Row:
    """Return one row of `campaign_actions`."""
    return {
        "as_of_date": DAY,
        "user_id": user_id(number),
        "campaign_id": "win_back_coupon",
        "experiment_id": "win_back_coupon_1",
        "arm": arm,
        "holdout_share": 0.3,
        "action": "coupon",
        "offer_id": "coupon_20",
        "channel": "email",
        "language": "en",
        "risk_tier": "high",
        "value_tier": "high",
        "expected_net_value": 5.0,
        "choice_rank": number,
        "run_id": "r",
        **changes,
    }


def rights(numbers: Sequence[int], purposes: str | None = "email|sms", **changes: Any) -> list[Row]:
    """Return rows of `user_contact_rights`."""
    return [
        {
            "as_of_date": DAY,
            "user_id": user_id(number),
            "purposes_granted": purposes,
            "objects_to_profiling": False,
            "run_id": "r",
            **changes,
        }
        for number in numbers
    ]


def assigned(number: int, arm: str, experiment_id: str = "win_back_coupon_1") -> Row:
    """Return one row of `campaign_assignments`."""
    return {
        "experiment_id": experiment_id,
        "campaign_id": "win_back_coupon",
        "user_id": user_id(number),
        "assigned_on": DAY,
        "arm": arm,
        "is_recorded": True,
        "run_id": "r",
    }


def recorded(number: int, arm: str, experiment_id: str, days_ago: int = 0) -> CampaignAssignment:
    """Return an assignment as the ledger records it."""
    return CampaignAssignment(
        source="sample_shop",
        experiment_id=experiment_id,
        user_id=user_id(number),
        campaign_id="recommendation",
        arm=arm,
        stratum="high/high",
        holdout_share=0.3,
        salt="salt",
        assigned_on=DAY - timedelta(days=days_ago),
        run_id="r",
    )


def block(number: int, purpose: str, reason: str = "consent_withdrawn") -> ContactBlock:
    """Return a word of a user against being contacted, as of now."""
    return ContactBlock("sample_shop", user_id(number), purpose, reason, utc_now())
