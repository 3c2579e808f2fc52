"""Questions that come in while others are being answered, answered together."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")

# beyond so many at once the last would wait longer for the first than they gain
MOST_AT_ONCE = 16


class Together(Generic[Question, Answer]):
    """Answers questions one by one where they come one by one, and together where they pile up.

    What answers them costs nearly as much for one as for a few: planning a query takes longer than finding
    a row. So the more there is to do, the less each costs.

    Parameters
    ----------
    threads : Executor
        Where questions are answered.
    answer : callable
        Takes questions; returns for each, in their order, the answer or the error that it ends with. What it
        raises is the end of all of them.
    """

    def __init__(
        self, threads: Executor, answer: Callable[[Sequence[Question]], Sequence[Answer | Exception]]
    ) -> None:
        self._threads = threads
        self._answer = answer
        self._waiting: deque[tuple[Question, asyncio.Future[Answer]]] = deque()
        self._is_answering = False

    async def ask(self, question: Question) -> Answer:
        """Return the answer to a question, or raise its error."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answered))
        if not self._is_answering:
            self._begin()
        return await answered

    def _begin(self) -> None:
        asked = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
        self._is_answering = True
        working = asyncio.get_running_loop().run_in_executor(
            self._threads, self._answer, [question for question, _ in asked]
        )
        working.add_done_callback(lambda done: self._finish([answered for _, answered in asked], done))

    def _finish(
        self,
        waiting: list[asyncio.Future[Answer]],
        done: "asyncio.Future[Sequence[Answer | Exception]]",
    ) -> None:
        failure = done.exception()
        answers = [failure] * len(waiting) if failure is not None else done.result()
        for answered, answer in zip(waiting, answers, strict=True):
            if answered.done():
                continue  # whoever asked is gone
            if isinstance(answer, BaseException):
                answered.set_exception(answer)
            else:
                answered.set_result(answer)
        self._is_answering = False
        if self._waiting:
            self._begin()
