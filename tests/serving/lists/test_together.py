"""Questions that pile up are answered together, each with its own answer."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.lists.together import MOST_AT_ONCE, Together


class Desk:
    """Doubles numbers; the first question is answered once the others are there."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.others_are_there = threading.Event()

    def answer(self, questions: Sequence[int]) -> list[int | Exception]:
        self.asked.append(list(questions))
        assert self.others_are_there.wait(30)
        if 13 in questions:
            raise RuntimeError("everything fails")
        return [KeyError(one) if one < 0 else 2 * one for one in questions]


def answers(*questions: int) -> tuple[list[object], list[list[int]]]:
    """Ask one question, and the rest while it is being answered; returns the answers and what was asked."""
    desk = Desk()

    async def ask() -> list[object]:
        together = Together(threads, desk.answer)
        asking = [asyncio.ensure_future(together.ask(question)) for question in questions]
        await asyncio.sleep(0)
        desk.others_are_there.set()
        return list(await asyncio.gather(*asking, return_exceptions=True))

    with ThreadPoolExecutor(1) as threads:
        return asyncio.run(ask()), desk.asked


def test_what_piles_up_is_answered_together_and_in_order() -> None:
    told, asked = answers(1, 2, 3, 4)
    assert told == [2, 4, 6, 8]
    assert asked == [[1], [2, 3, 4]]


def test_no_more_are_answered_at_once_than_may() -> None:
    told, asked = answers(*range(100, 101 + 2 * MOST_AT_ONCE))
    assert told == [2 * one for one in range(100, 101 + 2 * MOST_AT_ONCE)]
    assert [len(one) for one in asked] == [1, MOST_AT_ONCE, MOST_AT_ONCE]


def test_a_question_without_an_answer_leaves_the_others_theirs() -> None:
    told, _ = answers(1, 2, -3, 4)
    assert [told[0], told[1], told[3]] == [2, 4, 8]
    assert isinstance(told[2], KeyError)


def test_what_fails_for_all_is_told_to_all_and_the_next_are_answered() -> None:
    told, asked = answers(1, 13, 4)
    assert told[0] == 2
    assert [str(one) for one in told[1:]] == ["everything fails", "everything fails"]
    assert asked == [[1], [13, 4]]


def test_whoever_went_away_keeps_nobody_waiting() -> None:
    desk = Desk()

    async def ask() -> int:
        together = Together(threads, desk.answer)
        gone = asyncio.ensure_future(together.ask(1))
        staying = asyncio.ensure_future(together.ask(2))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        desk.others_are_there.set()
        return await staying

    with ThreadPoolExecutor(1) as threads:
        assert asyncio.run(ask()) == 4
