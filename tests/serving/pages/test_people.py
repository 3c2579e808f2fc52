"""Passwords and the lock after wrong ones."""

import pytest

from serving.pages.people import NOBODY, PersonError, Tries, checked_name, is_password, password_hash


def test_a_password_fits_its_own_hash_only_and_salts_differ() -> None:
    first, second = password_hash("correct horse battery"), password_hash("correct horse battery")
    assert first != second
    assert first.startswith("scrypt$32768$8$1$")
    assert "correct" not in first
    assert is_password("correct horse battery", first)
    assert not is_password("correct horse batterY", first)


@pytest.mark.parametrize("hashed", ["", NOBODY, "plain$text", "scrypt$1$2"])
def test_no_password_fits_what_is_no_hash(hashed: str) -> None:
    assert not is_password("", hashed)
    assert not is_password("correct horse battery", hashed)


@pytest.mark.parametrize("password", ["", "short", "x" * 257])
def test_passwords_too_short_or_too_long_are_refused_without_being_repeated(password: str) -> None:
    with pytest.raises(PersonError, match="12 to 256 characters") as refused:
        password_hash(password)
    assert password == "" or password not in str(refused.value)


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "new\nline", "<b>"])
def test_names_that_a_log_line_cannot_carry_are_refused(name: str) -> None:
    with pytest.raises(PersonError, match="letters, digits"):
        checked_name(name)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_name_is_locked_after_its_tries_and_free_again_after_a_while() -> None:
    clock = Clock()
    tries = Tries(allowed=3, lock_seconds=60, clock=clock)
    assert [tries.take("mei", "10.0.0.1") for _ in range(4)] == [True, True, True, False]
    assert tries.is_locked("MEI")
    assert tries.take("ana", "10.0.0.2")
    clock.now = 61
    assert tries.take("mei", "10.0.0.1")


def test_the_right_password_forgets_wrong_ones() -> None:
    tries = Tries(allowed=2, lock_seconds=60, clock=Clock())
    for _ in range(10):
        assert tries.take("mei", "10.0.0.1")
        tries.right("mei", "10.0.0.1")
    assert not tries.is_locked("mei")


def test_an_address_that_tries_many_names_is_locked_too() -> None:
    tries = Tries(allowed=2, lock_seconds=60, clock=Clock())
    taken = [tries.take(f"name{number}", "10.0.0.9") for number in range(10)]
    assert taken == [True] * 8 + [False] * 2
    assert tries.take("name0", "10.0.0.8")
