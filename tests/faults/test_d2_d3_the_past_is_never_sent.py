"""D2, D3: a month replayed sends nothing; after an outage only the newest day reaches people, within caps."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from campaigns.lists import write_lists
from campaigns.relay import relay
from tests.campaigns.outboxes import ScriptedChannel
from tests.campaigns.published_day import DAY, NOW, PublishedDay, chosen, published_day
from warehouse.errors import HoldfastError

USERS = [f"u{number}" for number in range(20)]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PublishedDay]:
    with published_day(tmp_path, monkeypatch) as opened:
        for campaign_id in ("recommendation", "education"):
            opened.set_seed("campaign_policy", campaign_id, channels="webhook")
        yield opened


def decisions(**changes: Any) -> list[dict[str, Any]]:
    return [chosen(user, "recommendation", channel="webhook", **changes) for user in USERS]


def send_everything(shop: PublishedDay, provider: ScriptedChannel) -> None:
    """Let every door that could reach anybody do its work."""
    moment = NOW + timedelta(hours=6)
    relay(shop.settings, shop.ledger, {provider.name: provider}, worker="relay", clock=lambda: moment)
    write_lists(shop.settings, shop.ledger, shop.begin(), now=moment, environment={})


def test_d2_thirty_days_replayed_send_nothing_by_any_door(shop: PublishedDay) -> None:
    served = shop.publish(decisions())
    provider = ScriptedChannel()
    refused = 0
    for back in range(1, 31):
        day = DAY - timedelta(days=back)
        snapshot = shop.publish(decisions(), day=day, move_pointer=False)
        for trigger in ("backfill", "asset_triggered"):
            with pytest.raises(HoldfastError, match=r"past|newest|fresh"):
                shop.record(snapshot, shop.begin(day, trigger))
            refused += 1
        send_everything(shop, provider)
    assert refused == 60
    assert Counter(provider.users) == Counter()
    assert shop.ledger.messages("sample_shop") == ()
    assert shop.ledger.assignments("sample_shop") == ()
    assert not list((shop.settings.home / "lists").rglob("*.csv"))

    # what the replay did not harm: the newest day goes out
    shop.record(served)
    send_everything(shop, provider)
    assert Counter(provider.users) == Counter(dict.fromkeys(USERS, 1))


def test_d3_after_five_days_without_runs_only_the_newest_day_reaches_people(shop: PublishedDay) -> None:
    provider = ScriptedChannel()
    snapshots = {
        day: shop.publish(decisions(), day=day)
        for day in [DAY - timedelta(days=back) for back in range(4, -1, -1)]
    }
    for day, snapshot in snapshots.items():
        if day < DAY:
            with pytest.raises(HoldfastError, match="newest"):
                shop.record(snapshot, shop.begin(day))
        else:
            shop.record(snapshot)
    send_everything(shop, provider)
    assert {one.as_of_date for one in shop.ledger.messages("sample_shop")} == {DAY}
    assert Counter(provider.users) == Counter(dict.fromkeys(USERS, 1))


def test_d3_caps_hold_when_the_day_after_the_outage_follows_at_once(shop: PublishedDay) -> None:
    provider = ScriptedChannel()
    shop.decide(*decisions())
    send_everything(shop, provider)
    tomorrow = DAY + timedelta(days=1)
    rows = [row | {"campaign_id": "education", "experiment_id": "education_1"} for row in decisions()]
    rows = [row | {"action": "education", "offer_id": "first_steps"} for row in rows]
    snapshot = shop.publish(rows, day=tomorrow)
    soon = NOW + timedelta(hours=8)
    shop.record(snapshot, shop.begin(tomorrow), now=NOW + timedelta(days=1))
    relay(shop.settings, shop.ledger, {provider.name: provider}, worker="again", clock=lambda: soon)
    assert len(shop.ledger.messages("sample_shop")) == 2 * len(USERS)
    assert Counter(provider.users) == Counter(dict.fromkeys(USERS, 1)), "sixteen hours have not passed"
