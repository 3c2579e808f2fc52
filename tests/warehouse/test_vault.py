"""Identifiers reach the vault and nothing else; withdrawn consents reach the ledger."""

import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.warehouse.dbt_makers import Shop
from warehouse.errors import DamagedFile, SettingsError
from warehouse.ledger import ContactBlock, Ledger
from warehouse.settings import Settings
from warehouse.vault import SyncedPeople, Vault, sync_people

DAY = date(2026, 3, 1)


class People:
    """A shop that delivers contacts and consents, with its ledger."""

    def __init__(self, home: Path) -> None:
        self.shop = Shop(home)
        self.settings = self.shop.settings
        self.ledger = Ledger.open(self.settings)

    def deliver_contacts(self, *rows: tuple[str, str | None, str | None, str | None]) -> None:
        names = ("user_id", "email", "phone", "push_token")
        self.shop.deliver(DAY, user_contacts=[dict(zip(names, row, strict=True)) for row in rows])

    def deliver_consents(self, *rows: tuple[str, str, int, bool]) -> None:
        """Deliver (user, purpose, hour of the day, granted)."""
        self.shop.deliver(
            DAY,
            consents=[
                {
                    "user_id": user,
                    "purpose": purpose,
                    "changed_at": datetime(2026, 3, 1, hour),
                    "granted": yes,
                }
                for user, purpose, hour, yes in rows
            ],
        )

    def sync(self) -> SyncedPeople:
        return sync_people(self.settings, self.ledger)

    def address(self, channel: str, user: str) -> str | None:
        with Vault(self.settings) as vault:
            found = vault.addresses(channel, [user])[user]
        assert (found.value is None) == (found.problem is not None)
        return found.value or found.problem

    def blocked(self) -> set[tuple[str, str, str]]:
        return {(one.user_id, one.purpose, one.reason) for one in self.ledger.contact_blocks("sample_shop")}


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    opened = People(tmp_path)
    yield opened
    opened.ledger.close()


def test_every_channel_finds_its_address(people: People) -> None:
    people.deliver_contacts(("u1", "a@example.com", "+49 30 1", "token"), ("u2", None, " ", None))
    assert people.sync() == SyncedPeople(2, 0, 0)
    found = [people.address(channel, "u1") for channel in ("email", "sms", "call", "push")]
    assert found == ["a@example.com", "+49 30 1", "+49 30 1", "token"]
    assert people.address("email", "u2") == people.address("sms", "u2") == "no_address"
    assert people.address("email", "nobody") == "no_address"
    with Vault(people.settings) as vault, pytest.raises(SettingsError, match="webhook"):
        vault.addresses("webhook", ["u1"])


def test_only_what_is_new_is_taken_and_the_newest_version_counts(people: People) -> None:
    people.deliver_contacts(("u1", "old@example.com", "1", None), ("u1", "older@example.com", "1", None))
    people.sync()
    people.deliver_contacts(("u1", "new@example.com", None, None))
    assert people.sync().contacts == 1
    assert people.sync().contacts == 0
    assert people.address("email", "u1") == "new@example.com"
    assert people.address("sms", "u1") == "no_address"


def test_a_reused_address_belongs_to_who_delivered_it_last(people: People) -> None:
    people.deliver_contacts(("u1", "A@Example.com", "+49 30-123", None))
    people.deliver_contacts(("u2", "a@example.com ", "004930123", None))
    people.sync()
    assert people.address("email", "u1") == people.address("sms", "u1") == "address_reused"
    assert people.address("email", "u2") == "a@example.com"


def test_a_change_of_something_else_does_not_win_an_address_back(people: People) -> None:
    people.deliver_contacts(("u1", "a@example.com", "1", None))
    people.deliver_contacts(("u2", "a@example.com", "2", None))
    people.deliver_contacts(("u1", "a@example.com", "3", None))
    people.sync()
    assert people.address("email", "u1") == "address_reused"
    assert people.address("sms", "u1") == "3"
    people.deliver_contacts(("u2", "b@example.com", "2", None))
    people.sync()
    assert people.address("email", "u1") == "a@example.com"


def test_a_withdrawn_consent_blocks_and_a_later_one_lifts(people: People) -> None:
    people.deliver_consents(("u1", "email", 1, True), ("u1", "email", 2, False), ("u2", "sms", 1, True))
    assert people.sync() == SyncedPeople(0, 1, 0)
    assert people.blocked() == {("u1", "email", "consent_withdrawn")}
    people.deliver_consents(("u1", "email", 3, True), ("u2", "sms", 2, False))
    assert people.sync() == SyncedPeople(0, 1, 1)
    assert people.blocked() == {("u2", "sms", "consent_withdrawn")}
    assert people.sync() == SyncedPeople(0, 0, 0)


def test_a_late_delivery_of_an_older_word_changes_nothing(people: People) -> None:
    people.deliver_consents(("u1", "email", 5, False))
    people.sync()
    people.deliver_consents(("u1", "email", 4, True))
    people.sync()
    assert people.blocked() == {("u1", "email", "consent_withdrawn")}


def test_an_unsubscription_outlives_an_older_consent(people: People) -> None:
    since = datetime(2026, 3, 1, 12, tzinfo=UTC)
    people.ledger.block_contacts([ContactBlock("sample_shop", "u1", "email", "unsubscribed", since)])
    people.deliver_consents(("u1", "email", 11, True))
    people.sync()
    assert people.blocked() == {("u1", "email", "unsubscribed")}
    people.deliver_consents(("u1", "email", 13, True))
    people.sync()
    assert people.blocked() == set()


def test_who_was_erased_does_not_come_back(people: People) -> None:
    people.deliver_contacts(("u1", "a@example.com", None, None))
    people.sync()
    with Vault(people.settings) as vault:
        assert vault.forget("u1")
        assert not vault.forget("u1")
    since = datetime(2026, 3, 1, tzinfo=UTC)
    people.ledger.block_contacts([ContactBlock("sample_shop", "u1", "any", "erased", since)])
    people.deliver_contacts(("u1", "b@example.com", None, None))
    people.sync()
    assert people.address("email", "u1") == "no_address"
    assert b"a@example.com" not in (people.settings.home / "vault" / "sample_shop.db").read_bytes()


def test_a_shop_without_contacts_and_consents_is_fine(tmp_path: Path) -> None:
    settings = Settings.from_environment({"HOLDFAST_HOME": str(tmp_path), "HOLDFAST_SOURCE": "online_retail"})
    settings.build_file.parent.mkdir(parents=True)
    with Ledger.open(settings) as ledger:
        assert sync_people(settings, ledger) == SyncedPeople(0, 0, 0)


def test_the_vault_is_for_its_owner_only_and_says_nothing_of_it(people: People) -> None:
    people.deliver_contacts(("u1", "canary@example.com", None, None))
    people.sync()
    folder = people.settings.home / "vault"
    with Vault(people.settings) as vault:
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert modes
        assert set(modes.values()) == {0o600}
        assert "canary" not in repr(vault.addresses("email", ["u1"]))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_sync_that_fails_takes_nothing(people: People) -> None:
    people.deliver_contacts(("u1", "a@example.com", None, None))
    with Vault(people.settings) as vault, pytest.raises(RuntimeError), vault.writing():
        vault.put([("u9", "x@example.com", None, None)], 1)
        raise RuntimeError
    assert people.address("email", "u9") == "no_address"


def test_a_damaged_vault_is_refused_with_what_to_do(people: People) -> None:
    path = people.settings.home / "vault" / "sample_shop.db"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(b"this is no database, and long enough to be looked at" * 100)
    with pytest.raises(DamagedFile, match="next ingest fills it again"):
        Vault(people.settings)
