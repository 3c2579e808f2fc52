"""People of the dashboard: added, changed, disabled; their names and roles, and the hash of a password."""

import pytest

from warehouse.ledger import Ledger, LedgerError


def test_somebody_is_added_changed_and_disabled_and_the_audit_tells(ledger: Ledger) -> None:
    added = ledger.set_person("mei", role="marketer", password_hash="h1", language="zh", by="ada")
    assert ledger.find_person("mei") == added
    assert "h1" not in repr(added)
    changed = ledger.set_person("mei", role="admin", password_hash="h2", by="ada")
    assert (changed.role, changed.password_hash, changed.created_at) == ("admin", "h2", added.created_at)
    gone = ledger.disable_person("mei", by="bob")
    assert gone.disabled_at is not None
    assert ledger.people() == (gone,)
    told = [(one.actor, one.action, one.subject) for one in ledger.newest_audit_entries(3)]
    assert told == [
        ("ada", "person.added", "mei"),
        ("ada", "person.changed", "mei"),
        ("bob", "person.disabled", "mei"),
    ]


def test_setting_somebody_again_lets_them_in_again(ledger: Ledger) -> None:
    ledger.set_person("mei", role="analyst", password_hash="h1", by="ada")
    ledger.disable_person("mei", by="ada")
    assert ledger.set_person("mei", role="analyst", password_hash="h1", by="ada").disabled_at is None


def test_roles_and_names_that_are_not_there_are_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="no role"):
        ledger.set_person("mei", role="root", password_hash="h1", by="ada")
    with pytest.raises(LedgerError, match="Nobody of this name"):
        ledger.disable_person("mei", by="ada")
    assert ledger.find_person("mei") is None
