"""Python's garbage collector, and work that it only holds up."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Collect no garbage meanwhile: for work whose many objects live until it ends.

    The collector looks for objects that hold each other, again and again through all there are: a sixth of
    the time that dbt takes for a small day. What nobody holds is freed at once all the same.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
