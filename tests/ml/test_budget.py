"""A fit that takes too long is stopped; whatever else uses the process's alarm clock goes on."""

import signal
import threading
import time

import pytest

from ml.budget import OverBudget, stopped_after


@pytest.fixture
def rung():
    """Note when the alarm of whoever is around rings, as the time limit of a scheduler's task would."""
    seen = []
    before = signal.signal(signal.SIGALRM, lambda *_: seen.append(time.monotonic()))
    yield seen
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def work(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.005)


def test_work_within_its_time_is_not_disturbed():
    handler = signal.getsignal(signal.SIGALRM)
    with stopped_after(0.05):
        result = "done"
    time.sleep(0.08)
    assert result == "done"
    assert signal.getsignal(signal.SIGALRM) is handler


def test_work_that_takes_longer_is_stopped_where_it_is():
    began = time.monotonic()
    with pytest.raises(OverBudget, match=r"stopped after 0\.05 s"), stopped_after(0.05):
        work(5)
    assert time.monotonic() - began < 1


def test_an_error_of_the_work_itself_comes_through_and_stops_the_clock():
    with pytest.raises(ZeroDivisionError), stopped_after(0.05):
        1 / 0  # noqa: B018
    time.sleep(0.08)


def test_an_alarm_that_was_set_before_is_not_put_off(rung):
    signal.setitimer(signal.ITIMER_REAL, 60)
    for _ in range(3):
        with stopped_after(5):
            work(0.05)
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    assert 0 < left <= 60 - 3 * 0.05
    assert rung == []


def test_an_alarm_that_came_due_meanwhile_rings_right_after(rung):
    signal.setitimer(signal.ITIMER_REAL, 0.03)
    with stopped_after(5):
        work(0.1)
    work(0.05)
    assert len(rung) == 1


def test_outside_the_main_thread_the_result_of_slow_work_is_refused():
    found = []

    def late():
        try:
            with stopped_after(0.02):
                work(0.08)
        except OverBudget as stopped:
            found.append(str(stopped))

    def in_time():
        with stopped_after(5):
            found.append("in time")

    for target in (late, in_time):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    assert found == ["stopped after 0.02 s", "in time"]
