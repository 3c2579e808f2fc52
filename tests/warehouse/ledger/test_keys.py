"""Keys of the HTTP API in the ledger: one live key a name, two while it is being rotated."""

from dataclasses import replace
from datetime import timedelta

import pytest

from warehouse.ledger import ApiKey, Ledger, LedgerError


def key(ledger: Ledger, key_id: str, name: str = "mailer", days: int | None = None) -> ApiKey:
    now = ledger.clock()
    return ApiKey(
        key_id=key_id,
        name=name,
        secret_sha256=key_id * 8,
        scopes=frozenset({"risk:read", "audience:win_back"}),
        field_sets=frozenset({"profile"}),
        requests_per_minute=90,
        created_at=now,
        created_by="ada",
        expires_at=None if days is None else now + timedelta(days=days),
    )


def states(ledger: Ledger) -> dict[str, str]:
    now = ledger.clock()
    return {one.key_id: one.state_at(now) for one in ledger.api_keys()}


def test_a_key_comes_back_as_it_was_made(ledger: Ledger) -> None:
    made = ledger.add_key(key(ledger, "k1", days=3), by="ada")
    assert ledger.find_key("k1") == made
    assert ledger.find_key("K1") is None
    assert made.secret_sha256 not in repr(made)


def test_a_name_has_one_live_key(ledger: Ledger) -> None:
    ledger.add_key(key(ledger, "k1"), by="ada")
    with pytest.raises(LedgerError, match="has a live key"):
        ledger.add_key(key(ledger, "k2"), by="ada")
    ledger.revoke_keys("k1", by="ada")
    ledger.add_key(key(ledger, "k3"), by="ada")
    assert states(ledger) == {"k1": "revoked", "k3": "live"}


def test_a_rotated_key_keeps_what_it_may_do_and_the_old_one_ends_after_its_grace(ledger: Ledger) -> None:
    ledger.add_key(key(ledger, "k1"), by="ada")
    new = replace(key(ledger, "k2"), scopes=frozenset({"other"}), field_sets=frozenset())
    soon = ledger.clock() + timedelta(minutes=10)
    old, made = ledger.rotate_key(new, old_until=soon, by="ada")
    assert (made.scopes, made.field_sets, made.requests_per_minute) == (old.scopes, {"profile"}, 90)
    assert states(ledger) == {"k1": "live", "k2": "live"}
    assert old.state_at(soon - timedelta(seconds=1)) == "live"
    assert old.state_at(soon) == "expired"
    assert ledger.find_key("k1") == old


def test_no_more_than_two_keys_of_a_name_are_live(ledger: Ledger) -> None:
    ledger.add_key(key(ledger, "k1"), by="ada")
    for number in (2, 3):
        later = ledger.clock() + timedelta(days=9)
        ledger.rotate_key(key(ledger, f"k{number}"), old_until=later, by="ada")
    assert states(ledger) == {"k1": "expired", "k2": "live", "k3": "live"}


def test_a_rotation_does_not_make_an_old_key_live_longer(ledger: Ledger) -> None:
    first = ledger.add_key(key(ledger, "k1", days=1), by="ada")
    old, _ = ledger.rotate_key(key(ledger, "k2"), old_until=ledger.clock() + timedelta(days=9), by="ada")
    assert old.expires_at == first.expires_at


def test_revoking_a_name_revokes_its_live_keys_and_nothing_else(ledger: Ledger) -> None:
    ledger.add_key(key(ledger, "k1"), by="ada")
    ledger.rotate_key(key(ledger, "k2"), old_until=ledger.clock() + timedelta(days=9), by="ada")
    ledger.add_key(key(ledger, "k9", name="other"), by="ada")
    assert {one.key_id for one in ledger.revoke_keys("mailer", by="bob")} == {"k1", "k2"}
    assert states(ledger) == {"k1": "revoked", "k2": "revoked", "k9": "live"}
    with pytest.raises(LedgerError, match="No live key"):
        ledger.revoke_keys("mailer", by="bob")
    with pytest.raises(LedgerError, match="no live key to rotate"):
        ledger.rotate_key(key(ledger, "k5"), old_until=ledger.clock(), by="bob")


def test_what_is_done_to_keys_is_in_the_audit_without_their_secrets(ledger: Ledger) -> None:
    ledger.add_key(key(ledger, "k1"), by="ada")
    ledger.rotate_key(key(ledger, "k2"), old_until=ledger.clock(), by="bob")
    ledger.revoke_keys("k2", by="eve")
    entries = list(ledger.every_audit_entry())[1:]
    assert [(one.actor, one.action, one.subject) for one in entries] == [
        ("ada", "key.created", "k1"),
        ("bob", "key.rotated", "k2"),
        ("eve", "key.revoked", "k2"),
    ]
    assert entries[1].details["replaces"] == "k1"
    assert not any("k1k1" in one.details_json or "k2k2" in one.details_json for one in entries)
