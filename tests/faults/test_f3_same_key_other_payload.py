"""F3: the offer is edited between two runs of a day; a key that is there keeps what was said under it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.outboxes import ScriptedChannel
from tests.campaigns.published_day import NOW, PublishedDay, chosen, published_day


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PublishedDay]:
    with published_day(tmp_path, monkeypatch) as opened:
        yield opened


def test_a_coupon_that_is_worth_more_now_is_refused_under_its_old_key_and_told(shop: PublishedDay) -> None:
    shop.decide(chosen("u1", "win_back_coupon"))
    first = shop.payload("u1")
    shop.set_seed("offers", "coupon_20", face_value=40)
    again = shop.decide(chosen("u1", "win_back_coupon"), chosen("u2", "win_back_coupon"))["win_back_coupon"]
    (key,) = again.changed
    assert key.endswith(":u1:email")
    assert again.messages_new == 1
    assert again.reason == "1 messages changed since they were recorded; the first stand"
    assert shop.payload("u1") == first
    assert first["face_value"] == 20
    assert {one.user_id: one.face_value for one in shop.ledger.coupons("sample_shop")} == {"u1": 20, "u2": 40}
    assert shop.ledger.launches("sample_shop")[-1].reason == again.reason


def test_what_was_sent_is_what_was_recorded_first(shop: PublishedDay) -> None:
    from campaigns.relay import relay

    shop.decide(chosen("u1", channel="push"))
    shop.set_seed("offers", "picks_for_you", title_en="Something else")
    (changed,) = shop.decide(chosen("u1", channel="push")).values()
    assert len(changed.changed) == 1
    from warehouse.vault import Vault

    with Vault(shop.settings) as vault:
        vault.put([("u1", None, None, "token")], 1)
    channel = ScriptedChannel(name="push")
    # the hours of push begin at 8 by the user's clock
    relay(shop.settings, shop.ledger, {"push": channel}, worker="w", clock=lambda: NOW.replace(hour=9))
    (handed,) = channel.handed
    assert handed.payload["title_en"] == "Chosen for you"


def test_a_rerun_without_a_change_is_the_same_message(shop: PublishedDay) -> None:
    shop.decide(chosen("u1", "win_back_coupon"))
    code = shop.payload("u1")["coupon_code"]
    again = shop.decide(chosen("u1", "win_back_coupon", run_id="another"))["win_back_coupon"]
    assert (again.changed, again.messages_new) == ((), 0)
    (message,) = shop.ledger.messages("sample_shop")
    assert (message.coupon_code, json.loads(message.payload_json)["coupon_code"]) == (code, code)
