"""A token stops what it names, once and for all; nobody can make one, or change one."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns.unsubscribe import (
    KEY,
    InvalidToken,
    Subscription,
    main,
    make_token,
    unsubscribe,
    unsubscribe_key,
    unsubscribe_url,
    verify_token,
)
from warehouse.errors import DamagedFile
from warehouse.ledger import Ledger
from warehouse.settings import Settings

NOW = datetime(2026, 6, 30, 9, 0, tzinfo=UTC)
ANNA = Subscription("shop", "anna ü/1", "email")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    monkeypatch.setenv("HOLDFAST_SOURCE", "shop")
    monkeypatch.delenv("HOLDFAST_LEDGER_URL", raising=False)
    return Settings.from_environment()


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with ThreadPoolExecutor(8) as pool:
            keys = set(pool.map(lambda _: unsubscribe_key(tmp_path / "home"), range(8)))
    finally:
        os.umask(before)
    assert keys == {unsubscribe_key(tmp_path / "home")}
    path = tmp_path / "home" / KEY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_a_key_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    unsubscribe_key(tmp_path)
    (tmp_path / KEY).write_bytes(b"short")
    with pytest.raises(DamagedFile, match="too short"):
        unsubscribe_key(tmp_path)


def test_a_token_names_shop_user_and_purpose_and_is_always_the_same(tmp_path: Path) -> None:
    key = unsubscribe_key(tmp_path)
    token = make_token(key, ANNA)
    assert verify_token(key, token) == ANNA
    assert make_token(key, ANNA) == token
    assert token.replace("-", "").replace("_", "").replace(".", "").isalnum()
    url = unsubscribe_url("https://shop.example/u?lang=en", key, ANNA)
    assert url == f"https://shop.example/u?lang=en&token={token}"


def test_a_token_that_was_changed_or_made_elsewhere_is_refused(tmp_path: Path) -> None:
    key, other = unsubscribe_key(tmp_path / "a"), unsubscribe_key(tmp_path / "b")
    token = make_token(key, ANNA)
    named, _, mac = token.partition(".")
    bobs = make_token(other, Subscription("shop", "bob", "email")).partition(".")[0]
    forged = [
        make_token(other, ANNA),
        f"{bobs}.{mac}",
        named,
        f"{named}.",
        f".{mac}",
        "",
        ".",
        "é.é",
        token * 50,
    ]
    forged += [
        token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :] for place in (0, 5, -5)
    ]
    for wrong in forged:
        with pytest.raises(InvalidToken) as caught:
            verify_token(key, wrong)
        assert not wrong or wrong not in str(caught.value) or len(wrong) < 3


def test_whoever_shows_a_token_is_left_alone_and_may_show_it_twice(settings: Settings) -> None:
    key = unsubscribe_key(settings.home)
    token = make_token(key, ANNA)
    with Ledger.open(settings) as ledger:
        for _ in range(2):
            assert unsubscribe(ledger, key, token, now=NOW) == ANNA
        (block,) = ledger.contact_blocks("shop")
    assert (block.user_id, block.purpose, block.reason, block.since) == (
        "anna ü/1",
        "email",
        "unsubscribed",
        NOW,
    )


def test_the_command_unsubscribes_and_says_whom(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    token = make_token(unsubscribe_key(settings.home), ANNA)
    assert main([token]) == 0
    assert capsys.readouterr().out == "User anna ü/1 of shop is unsubscribed from email.\n"
    with Ledger.open(settings) as ledger:
        assert [block.user_id for block in ledger.contact_blocks("shop")] == ["anna ü/1"]


def test_the_command_refuses_a_wrong_token_without_repeating_it(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["not-a-token"]) == 1
    said = capsys.readouterr()
    assert "not valid" in said.err and "not-a-token" not in said.err + said.out
    with Ledger.open(settings) as ledger:
        assert ledger.contact_blocks("shop") == ()
