"""The audit as the server uses it: an entry is on the disk before the answer that it is about.

`caller_with` records every request of a key by itself. Routes and pages call `record` for what else is done.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future

from fastapi.concurrency import run_in_threadpool

from serving.audit_journal import AuditJournal
from warehouse.errors import Busy
from warehouse.ledger import Action, Ledger

log = logging.getLogger(__name__)

# the ledger has one writer at a time: an answer waits for it no longer than this
PATIENCE_SECONDS = 0.1
TRY_AGAIN_SECONDS = 0.2
# so long an entry waits for others to go to the disk with: a commit costs more than an entry
GATHER_SECONDS = 0.004


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

    Where the pipeline holds the ledger for longer than an answer may wait, the entry goes into a journal of
    this process first, and into the chain as soon as the ledger is free.

    Parameters
    ----------
    ledger : Ledger
        Holds the chain; the journal is beside its anchor, and what servers that are gone left there is
        appended first.
    """

    def __init__(self, ledger: Ledger) -> None:
        if ledger.anchor is None:
            raise ValueError("the ledger keeps its head nowhere: open it with Ledger.open")
        self._ledger = ledger
        self._journal = AuditJournal(ledger.anchor.parent)
        self._changed = threading.Condition()
        self._waiting: list[tuple[Action, Future[None]]] = []
        self._closed = False
        left = self._journal.take_over()
        if left:
            ledger.record_actions(left)
            self._journal.empty()
        self._thread = threading.Thread(target=self._append_all, name="audit-writer", daemon=True)
        self._thread.start()

    async def write(self, action: Action) -> None:
        """Append an entry and wait until it is durable, in the chain or in the journal."""
        written: Future[None] = Future()
        with self._changed:
            self._waiting.append((action, written))
            self._changed.notify()
        try:
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(written)), PATIENCE_SECONDS)
        except TimeoutError:
            await run_in_threadpool(self._journal.note, action, lambda: _is_chained(written))

    def close(self) -> None:
        """Write what waits, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()
        self._journal.close()

    def _append_all(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if not self._waiting:
                    return
                is_last = self._closed
            if not is_last:
                time.sleep(GATHER_SECONDS)
            with self._changed:
                batch, self._waiting = self._waiting, []
            self._append([action for action, _ in batch], [written for _, written in batch])

    def _append(self, actions: list[Action], waiting: list[Future[None]]) -> None:
        failure: Exception | None = None
        while True:
            try:
                self._ledger.record_actions(actions)
            except Busy:
                time.sleep(TRY_AGAIN_SECONDS)
                continue
            except Exception as error:
                log.exception("%d entries of the audit are not in the chain", len(actions))
                failure = error
            break
        for written in waiting:
            if failure is None:
                written.set_result(None)
            else:
                written.set_exception(failure)
        if failure is None:
            with self._changed:
                if not self._waiting:
                    self._journal.empty()


def _is_chained(written: Future[None]) -> bool:
    return written.done() and written.exception() is None
