"""Session cookies and form tokens."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.pages.sessions import Signer, page_key

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
SIGNER = Signer(b"k" * 32)


def test_a_session_is_read_back_until_it_expires() -> None:
    session, cookie = SIGNER.begin("mei", "hash", now=NOW, hours=2)
    assert SIGNER.session(cookie, now=NOW + timedelta(minutes=119)) == session
    assert SIGNER.session(cookie, now=NOW + timedelta(hours=2)) is None


@pytest.mark.parametrize("cookie", [None, "", ".", "a.b", "x" * 5000, "ü.ü", "e30.e30"])
def test_what_was_not_signed_here_is_no_session(cookie: str | None) -> None:
    assert SIGNER.session(cookie, now=NOW) is None


def test_a_session_that_was_changed_or_signed_by_another_home_is_none() -> None:
    _, cookie = SIGNER.begin("mei", "hash", now=NOW, hours=2)
    payload, _, signature = cookie.partition(".")
    assert SIGNER.session(f"{payload[:-2]}AA.{signature}", now=NOW) is None
    assert Signer(b"other" * 8).session(cookie, now=NOW) is None


def test_a_form_token_belongs_to_one_session() -> None:
    token = SIGNER.form_token("one")
    assert SIGNER.is_form_token(token, "one")
    assert not SIGNER.is_form_token(token, "two")
    assert not SIGNER.is_form_token(SIGNER.form_token(""), "")
    # what signs sessions signs no forms
    _, cookie = SIGNER.begin("mei", "hash", now=NOW, hours=2)
    assert not SIGNER.is_form_token(cookie.partition(".")[2], cookie.partition(".")[0])


def test_the_key_is_made_once_and_read_by_its_owner_only(tmp_path: Path) -> None:
    key = page_key(tmp_path)
    assert len(key) == 32
    assert page_key(tmp_path) == key
    path = tmp_path / "secrets" / "pages.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["pages.key"]
