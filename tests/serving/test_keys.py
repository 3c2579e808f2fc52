"""How keys are made, and that only the whole of one opens."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from serving.keys import KEY, KEY_LIKE, is_secret_of, make_key
from warehouse.errors import SettingsError

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def test_a_key_is_random_and_only_its_hash_is_kept() -> None:
    made = [make_key("mailer", frozenset({"risk:read"}), now=NOW, by="ada") for _ in range(20)]
    texts = {text for _, text in made}
    assert len(texts) == 20
    for key, text in made:
        parts = re.fullmatch(KEY, text)
        assert parts is not None
        assert parts[1] == key.key_id
        assert parts[2] not in str(vars(key))
        assert is_secret_of(key, parts[2], NOW)


def test_a_wrong_ended_or_revoked_key_opens_nothing() -> None:
    key, text = make_key("mailer", frozenset({"risk:read"}), now=NOW, by="ada", days=1)
    secret = text.rpartition("_")[2]
    assert is_secret_of(key, secret, NOW + timedelta(hours=23))
    assert not is_secret_of(key, secret, NOW + timedelta(days=1))
    assert not is_secret_of(key, secret.upper(), NOW)
    assert not is_secret_of(key, secret[:-1], NOW)
    assert not is_secret_of(None, secret, NOW)
    assert not is_secret_of(None, "", NOW)
    assert not is_secret_of(replace(key, revoked_at=NOW), secret, NOW)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"scopes": frozenset({"admin:all"})}, "scope is not known"),
        ({"scopes": frozenset({"audience:"})}, "scope is not known"),
        ({"scopes": frozenset({"audience:../x"})}, "scope is not known"),
        ({"scopes": frozenset()}, "needs a scope"),
        ({"field_sets": frozenset({"everything"})}, "field set is not known"),
        ({"name": "a\nb"}, "name is letters"),
        ({"requests_per_minute": 0}, "Requests a minute"),
        ({"days": 0}, "lives 1 to"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(changes: dict[str, object], told: str) -> None:
    wanted = {"name": "mailer", "scopes": frozenset({"risk:read"}), "now": NOW, "by": "ada", **changes}
    with pytest.raises(SettingsError, match=told):
        make_key(**wanted)  # type: ignore[arg-type]


def test_whatever_looks_like_a_key_is_found_in_a_text() -> None:
    _, text = make_key("mailer", frozenset({"audience:*"}), now=NOW, by="ada")
    assert KEY_LIKE.sub("[key]", f"/v1/{text}/x") == "/v1/[key]/x"
