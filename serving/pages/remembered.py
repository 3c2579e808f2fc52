"""Aggregates of a run, worked out once per run: a published snapshot never changes."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar

from serving.snapshots import Snapshot

Result = TypeVar("Result")
MOST = 256

_found: "OrderedDict[tuple[object, ...], Any]" = OrderedDict()
_lock = Lock()


def remembered(snapshot: Snapshot, name: str, work_out: Callable[[], Result], *more: object) -> Result:
    """Return what was worked out for this run under this name before, or work it out.

    Parameters
    ----------
    snapshot : Snapshot
        The run; its folder tells homes apart.
    name : str
        What it is.
    work_out : callable
        Works it out; two requests at the same moment may both do it.
    *more : hashable
        What else it depends on, for instance a language.
    """
    key = (str(snapshot.folder), snapshot.run_id, name, *more)
    with _lock:
        if key in _found:
            _found.move_to_end(key)
            found: Result = _found[key]
            return found
    result = work_out()
    with _lock:
        _found[key] = result
        while len(_found) > MOST:
            _found.popitem(last=False)
    return result
