"""Values of environment variables: what can be used is used, what cannot is named with its variable."""

from collections.abc import Callable
from typing import Any

import pytest

from warehouse.environment import mail_server, one_of, switch, web_address, whole_number
from warehouse.errors import SettingsError

NAME = "HOLDFAST_X"


@pytest.mark.parametrize(
    ("read", "empty"),
    [
        (lambda env: whole_number(env, NAME, 7), 7),
        (lambda env: one_of(env, NAME, ("ids", "counts")), "ids"),
        (lambda env: switch(env, NAME, off="does nothing"), False),
        (lambda env: web_address(env, NAME), ""),
        (lambda env: mail_server(env, NAME), None),
    ],
)
def test_an_empty_variable_is_one_that_is_not_there(
    read: Callable[[dict[str, str]], Any], empty: Any
) -> None:
    assert read({}) == read({NAME: ""}) == read({NAME: " "}) == empty


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("9", 9), (" 3 ", 3)])
def test_a_whole_number_within_its_limits_is_taken(text: str, number: int) -> None:
    assert whole_number({NAME: text}, NAME, 7, most=9) == number


@pytest.mark.parametrize("text", ["0", "10", "-1", "1.5", "1e3", "٣", "x"])
def test_another_number_is_refused_with_its_limits(text: str) -> None:
    with pytest.raises(SettingsError, match=rf"{NAME} must be a whole number from 1 to 9 Found: '{text}'"):
        whole_number({NAME: text}, NAME, 7, most=9)
    with pytest.raises(SettingsError, match="of at least 11"):
        whole_number({NAME: text}, NAME, 20, fewest=11)


def test_a_switch_is_on_or_off_and_nothing_else() -> None:
    assert switch({NAME: "on"}, NAME, off="does nothing")
    assert not switch({NAME: "off"}, NAME, off="does nothing")
    with pytest.raises(
        SettingsError, match=f"{NAME} must be on or off Found: 'yes'.*{NAME}=off does nothing"
    ):
        switch({NAME: "yes"}, NAME, off="does nothing")


def test_an_open_line_is_for_this_machine_unless_it_is_allowed() -> None:
    for text in ("https://example.org/x?y=1", "http://127.0.0.1:8000/", "http://localhost/hook"):
        assert web_address({NAME: text}, NAME) == text
    with pytest.raises(SettingsError, match=f"{NAME} must be reached over https"):
        web_address({NAME: "http://alerts:9093/"}, NAME)
    assert web_address({NAME: "http://alerts:9093/"}, NAME, is_open_allowed=True) == "http://alerts:9093/"


@pytest.mark.parametrize(
    "text", ["ftp://secret@host", "https:///secret", "https://a b/secret", "secret", "http://h:x/secret"]
)
def test_what_is_no_web_address_is_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError, match=f"{NAME} is not a web address") as refused:
        web_address({NAME: text}, NAME)
    assert "secret" not in str(refused.value)


def test_a_password_goes_over_no_open_line() -> None:
    found = mail_server({NAME: "smtps://user:p%40ss@mail.example.org"}, NAME)
    assert found is not None
    assert (found.host, found.port, found.protection) == ("mail.example.org", 465, "tls")
    assert (found.user, found.password) == ("user", "p@ss")
    assert "p@ss" not in repr(found)
    with pytest.raises(SettingsError, match="over an open line") as refused:
        mail_server({NAME: "smtp+plain://user:secret@mail.example.org"}, NAME)
    assert "secret" not in str(refused.value)
