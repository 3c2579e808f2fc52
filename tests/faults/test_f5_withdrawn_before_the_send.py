"""F5: between list and send, consent is withdrawn, a user is erased, a telephone number changes hands."""

from datetime import date, datetime, timedelta
from pathlib import Path

from campaigns.channels.channel import Outcome
from campaigns.relay import relay
from tests.campaigns.outboxes import NOW, SOURCE, ScriptedChannel, outbox, settings_of
from tests.warehouse.dbt_makers import Shop
from tests.warehouse.ledger.campaign_makers import assignment, message
from warehouse.control_tables import copy_campaign_tables
from warehouse.ledger import ContactBlock, Ledger
from warehouse.vault import Vault, sync_people

DAY = date(2026, 6, 29)
USERS = ("fine", "withdrew", "erased", "told_us", "reused")


def test_who_must_not_be_reached_any_more_is_not_and_the_reason_is_kept(tmp_path: Path) -> None:
    shop, settings = Shop(tmp_path), settings_of(tmp_path)
    contacts = [{"user_id": user, "phone": f"+49 {place}"} for place, user in enumerate(USERS)]
    given = [
        {"user_id": user, "purpose": "sms", "changed_at": datetime(2026, 6, 1), "granted": True}
        for user in USERS
    ]
    shop.deliver(DAY, user_contacts=contacts, consents=given)
    with Ledger.open(settings) as ledger:
        sync_people(settings, ledger)
        with ledger.writing() as connection:
            ledger.record_assignments(
                connection, [assignment(user, source="sample_shop", assigned_on=DAY) for user in USERS]
            )
            ledger.write_messages(
                connection,
                [
                    message(
                        user,
                        source="sample_shop",
                        channel="sms",
                        as_of_date=DAY,
                        not_before=NOW,
                        next_attempt_at=NOW,
                        expires_at=NOW + timedelta(days=2),
                    )
                    for user in USERS
                ],
            )
        # the list stands; now the world changes
        withdrawn = [
            {
                "user_id": "withdrew",
                "purpose": "sms",
                "changed_at": datetime(2026, 6, 30, 9),
                "granted": False,
            }
        ]
        moved = [{"user_id": "newcomer", "phone": "+49-4"}]
        shop.deliver(DAY + timedelta(days=1), user_contacts=moved, consents=withdrawn)
        sync_people(settings, ledger)
        ledger.block_contacts(
            [
                ContactBlock("sample_shop", "erased", "any", "erased", NOW),
                ContactBlock("sample_shop", "told_us", "any", "do_not_contact", NOW),
            ]
        )
        channel = ScriptedChannel(name="sms")
        relay(settings, ledger, {"sms": channel}, worker="w", clock=lambda: NOW)
        assert channel.users == ["fine"]
        found = {one.user_id: (one.state, one.failure) for one in ledger.messages("sample_shop")}
        assert found == {
            "fine": ("sent", None),
            "withdrew": ("suppressed", "consent_withdrawn"),
            "erased": ("suppressed", "erased"),
            "told_us": ("suppressed", "do_not_contact"),
            "reused": ("suppressed", "address_reused"),
        }
        # and the next day's decisions know of it, too
        run = ledger.begin_run("campaigns", "sample_shop", DAY + timedelta(days=1))
        copy_campaign_tables(settings, ledger, run)
        blocked = shop.rows("select user_id, reason from control.contact_blocks order by all")
        assert blocked == [
            ("erased", "erased"),
            ("told_us", "do_not_contact"),
            ("withdrew", "consent_withdrawn"),
        ]


def test_a_withdrawal_while_the_receiver_was_busy_stops_the_next_try(tmp_path: Path) -> None:
    with outbox(tmp_path) as box:
        box.put("u1")
        box.relay(ScriptedChannel(lambda _: Outcome("try_later")))
        box.ledger.block_contacts([ContactBlock(SOURCE, "u1", "email", "unsubscribed", NOW)])
        box.now += timedelta(hours=1)
        channel = ScriptedChannel()
        box.relay(channel)
        assert channel.handed == []
        assert box.one("u1").failure == "unsubscribed"


def test_an_address_is_never_written_into_the_ledger(tmp_path: Path) -> None:
    canary = "canary-4711@example.com"
    with outbox(tmp_path) as box:
        box.put("u1", channel="email")
        box.addresses(("u1", canary, None, None))
        channel = ScriptedChannel(name="email")
        box.relay(channel)
        assert channel.handed[0].address == canary
    found = [path for path in (tmp_path / "ledger").iterdir() if canary.encode() in path.read_bytes()]
    assert found == []
    with Vault(box.settings) as vault:
        assert vault.addresses("email", ["u1"])["u1"].value == canary
