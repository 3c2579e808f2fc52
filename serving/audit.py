"""The audit as the server uses it: an entry is on the disk before the answer that it is about.

`caller_with` records every request of a key by itself. Routes and pages call `record` for what else is done.
"""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future

from warehouse.ledger import Action, Ledger


def record(
    ledger: Ledger, *, actor: str, action: str, subject: str, details: Mapping[str, str | int]
) -> None:
    """Append one entry to the audit; durable once this returns.

    Parameters
    ----------
    ledger : Ledger
        Holds the chain.
    actor : str
        Who: ``key:<key_id>``, ``person:<name>`` or the name of whoever ran a command.
    action, subject : str
        What was done to what.
    details : mapping
        What else is worth knowing; no personal data and no secret.
    """
    ledger.record_actions([Action(actor, action, subject, details)])


class AuditWriter:
    """Appends the entries of many requests together: one transaction for all that came in meanwhile.

    Parameters
    ----------
    ledger : Ledger
        Holds the chain.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._changed = threading.Condition()
        self._waiting: list[tuple[Action, Future[None]]] = []
        self._closed = False
        self._thread = threading.Thread(target=self._write, name="audit-writer", daemon=True)
        self._thread.start()

    async def write(self, action: Action) -> None:
        """Append an entry and wait until it is durable."""
        written: Future[None] = Future()
        with self._changed:
            self._waiting.append((action, written))
            self._changed.notify()
        await asyncio.wrap_future(written)

    def close(self) -> None:
        """Write what waits, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _write(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if not self._waiting:
                    return
                batch, self._waiting = self._waiting, []
            try:
                self._ledger.record_actions([action for action, _ in batch])
            except Exception as error:  # noqa: BLE001  each of those who wait is told, and none is answered
                for _, written in batch:
                    if written.set_running_or_notify_cancel():
                        written.set_exception(error)
            else:
                for _, written in batch:
                    if written.set_running_or_notify_cancel():
                        written.set_result(None)
