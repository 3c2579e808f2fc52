"""What was done while the ledger was held by others: a file of this process, read again after a crash."""

import fcntl
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

from warehouse.ledger import Action
from warehouse.publish.durable import make_private_folder


class AuditJournal:
    """A file of lines that is empty as long as the ledger keeps up.

    Each process has its own, locked as long as it lives. After a crash an entry may be in the chain and in
    the journal, and is appended once more: told twice, never forgotten.

    Parameters
    ----------
    folder : Path
        Where the journals are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        make_private_folder(folder)
        self._lock = threading.Lock()
        self._path = folder / f"audit_journal_{os.getpid()}_{id(self)}.jsonl"
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def note(self, action: Action, is_chained: Callable[[], bool]) -> None:
        """Write an entry to the disk, unless the chain has it by now."""
        told = [action.actor, action.action, action.subject, dict(action.details)]
        with self._lock:
            if is_chained():
                return
            os.write(self._file, json.dumps(told, ensure_ascii=False).encode() + b"\n")
            os.fdatasync(self._file)

    def empty(self) -> None:
        """Forget what is in the chain by now."""
        with self._lock:
            if os.fstat(self._file).st_size:
                os.ftruncate(self._file, 0)

    def take_over(self) -> list[Action]:
        """Return what processes that are gone have left, and keep it until `empty` is called."""
        found: list[Action] = []
        for path in sorted(self._folder.glob("audit_journal_*.jsonl")):
            if path == self._path:
                continue
            descriptor = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                lines = path.read_bytes()
                os.write(self._file, lines)
                os.fdatasync(self._file)
                path.unlink()
            except BlockingIOError:
                continue  # its process lives
            finally:
                os.close(descriptor)
            # a line that a crash cut short belongs to an answer that was not given
            found += [_action(line) for line in lines.split(b"\n")[:-1]]
        return found

    def close(self) -> None:
        """Remove the file if it is empty."""
        with self._lock:
            if not os.fstat(self._file).st_size:
                self._path.unlink(missing_ok=True)
            os.close(self._file)


def _action(line: bytes) -> Action:
    actor, action, subject, details = json.loads(line)
    return Action(actor, action, subject, details)
