"""What a key and an address may ask for, on a clock that stands still."""

import pytest

from serving import limits
from serving.limits import RequestRates, Streams, WrongKeys
from serving.problems import Problem


class Clock:
    """Seconds that only a test moves on."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def asks(rates: RequestRates, key: str, times: int, per_minute: int = 6) -> int:
    """Ask so often and count what is let through."""
    through = 0
    for _ in range(times):
        try:
            rates.take(key, per_minute)
        except Problem:
            continue
        through += 1
    return through


def test_a_minutes_worth_may_come_at_once_and_no_more() -> None:
    clock = Clock()
    rates = RequestRates(clock)
    assert asks(rates, "a", 50) == 6
    assert asks(rates, "b", 1) == 1, "another key has its own"
    clock.now += 10
    assert asks(rates, "a", 50) == 1
    clock.now += 3600
    assert asks(rates, "a", 50) == 6, "what is not asked for does not pile up"


def test_retry_after_says_when_there_is_one_again() -> None:
    clock = Clock()
    rates = RequestRates(clock)
    asks(rates, "a", 6)
    with pytest.raises(Problem) as caught:
        rates.take("a", 6)
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "10")
    clock.now += 10
    rates.take("a", 6)


def test_an_address_is_shut_out_after_many_wrong_keys_and_only_for_a_while() -> None:
    clock = Clock()
    wrong = WrongKeys(most=3, window_seconds=60, clock=clock)
    for _ in range(2):
        wrong.note("here")
        clock.now += 10
    assert wrong.shut_out_for("here") == 0
    wrong.note("here")
    assert wrong.shut_out_for("here") == 40
    assert wrong.shut_out_for("there") == 0
    clock.now += 41
    assert wrong.shut_out_for("here") == 0


def test_no_more_addresses_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_REMEMBERED", 5)
    wrong = WrongKeys(most=1, clock=Clock())
    for number in range(9):
        wrong.note(f"address {number}")
    assert [bool(wrong.shut_out_for(f"address {number}")) for number in (0, 3, 4, 8)] == [
        False,
        False,
        True,
        True,
    ]


def test_a_key_pulls_so_many_lists_at_once_and_a_failed_one_is_given_back() -> None:
    streams = Streams(2)
    with streams.stream("a"), streams.stream("a"), streams.stream("b"):
        assert streams.open_now == 3
        with pytest.raises(Problem) as caught, streams.stream("a"):
            pass
        assert (caught.value.status, caught.value.code) == (429, "too_many_streams")
    with pytest.raises(ZeroDivisionError), streams.stream("a"):
        raise ZeroDivisionError
    assert streams.open_now == 0
