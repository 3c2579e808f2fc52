"""From the outbox to real servers: the relay, the vault and the channels together."""

import base64
from datetime import datetime
from pathlib import Path

from campaigns.channels import channels_from_environment
from campaigns.relay import relay
from tests.campaigns.channels.mail_servers import mail_server
from tests.campaigns.channels.receivers import Answer, receiver
from tests.campaigns.lists.makers import DAY, NOW, block, outbox_message, release, settings_of
from warehouse.ledger import Ledger
from warehouse.vault import Vault


def test_each_message_reaches_its_own_door_and_its_outcome_the_ledger(tmp_path: Path) -> None:
    noon = NOW.replace(hour=6)  # 14:00 in Shanghai

    def clock() -> datetime:
        return noon

    settings = settings_of(tmp_path)
    with mail_server() as box, receiver() as provider, Ledger(settings.ledger_url, clock) as ledger:
        provider.answer = lambda got: Answer(500 if b"u-broken" in got.body else 200, b'{"id": "P-1"}')
        environment = {
            "HOLDFAST_HOME": str(tmp_path),
            "HOLDFAST_SOURCE": "shop",
            "HOLDFAST_SMTP_URL": f"smtp+plain://127.0.0.1:{box.port}",
            "HOLDFAST_EMAIL_FROM": "Lamps <hello@shop.example>",
            "HOLDFAST_UNSUBSCRIBE_URL": "https://shop.example/unsubscribe",
            "HOLDFAST_SMS_URL": provider.url,
            "HOLDFAST_WEBHOOK_URL": provider.url,
            "HOLDFAST_WEBHOOK_SECRET": "whsec_" + base64.b64encode(b"s" * 32).decode(),
        }
        channels = channels_from_environment(environment, clock=clock)
        run = ledger.begin_run("campaigns", "shop", DAY)
        doors = {
            **{"u-mail": "email", "u-gone": "email", "u-dropped": "email", "u-off": "email"},
            **{"u-sms": "sms", "u-hook": "webhook", "u-broken": "webhook", "u-push": "push"},
        }
        release(ledger, [outbox_message(user, door, run, "recommendation") for user, door in doors.items()])
        block(ledger, "u-off", "email")
        addresses = {"u-mail": "anna", "u-gone": "gone", "u-dropped": "dropped", "u-off": "bob"}
        with Vault(settings) as vault, vault.writing():
            vault.put([(user, f"{name}@example.org", None, None) for user, name in addresses.items()], 1)
            vault.put([("u-sms", None, "+8613800138000", None), ("u-push", None, None, "token")], 9)
        report = relay(settings, ledger, channels, worker="here", clock=clock)
        for name in ("sms", "webhook"):
            channels[name].close()  # type: ignore[attr-defined]
        assert {message.user_id: message.state for message in ledger.messages("shop")} == {
            "u-mail": "sent",
            "u-gone": "dead",
            "u-dropped": "dead",
            "u-off": "suppressed",
            "u-sms": "sent",
            "u-hook": "sent",
            "u-broken": "pending",
            "u-push": "pending",
        }
        (sms,) = ledger.messages("shop", channel="sms")
    assert report.sent == 3
    assert sms.provider_reference == "P-1"
    assert box.recipients == ["anna@example.org", "dropped@example.org"]
    assert box.letters[0]["Subject"] == "我们能为您做些什么？"
    assert [got.content["to"] for got in provider.got if "to" in got.content] == ["+8613800138000"]
