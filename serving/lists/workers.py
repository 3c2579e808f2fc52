"""Threads for queries: a few for single users, a few for lists, so that neither waits for the other's."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

SINGLE_USERS = 4
LISTS = 4


class Workers:
    """The threads of one app. Reading a list piece by piece holds a thread only while a piece is made."""

    def __init__(self) -> None:
        self.single = ThreadPoolExecutor(SINGLE_USERS, thread_name_prefix="single-user")
        self._lists = ThreadPoolExecutor(LISTS, thread_name_prefix="list")

    async def for_one(
        self, function: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Result:
        """Call what is about one user and quick."""
        return await _call(self.single, partial(function, *arguments, **named))

    async def for_list(
        self, function: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Result:
        """Call what reads or writes many rows."""
        return await _call(self._lists, partial(function, *arguments, **named))

    def close(self) -> None:
        """End the threads once they are done."""
        self.single.shutdown()
        self._lists.shutdown()


async def _call(pool: ThreadPoolExecutor, function: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(pool, function)
