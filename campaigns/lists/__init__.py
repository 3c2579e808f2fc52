"""Lists: what leaves by the batch channels. Call lists, file drops and a table in the shop's PostgreSQL."""

import fcntl
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path

from campaigns.lists.call_list import CallList
from campaigns.lists.entries import Entry
from campaigns.lists.file_drop import FileDrop
from campaigns.lists.released import Outlet
from campaigns.lists.reverse_etl import ReverseTable
from campaigns.lists.settings import TableSettings
from campaigns.policy import BATCH_CHANNELS, Policy, load_policy
from warehouse.errors import Busy
from warehouse.ledger import Ledger, OutboxMessage, Run
from warehouse.publish.durable import make_private_folder
from warehouse.settings import Settings
from warehouse.vault import Vault


def write_lists(
    settings: Settings,
    ledger: Ledger,
    run: Run,
    *,
    now: datetime,
    environment: Mapping[str, str] | None = None,
    allow_shrink: bool = False,
) -> tuple[str, ...]:
    """Write every list of a run's day that was released, and mark its messages sent.

    A list is durable and visible first, and marked then: whoever was killed in between finds on the next try
    that it is there, and marks it. Writing again writes only what was released since. Consent, blocks, arms
    and caps are asked again just before.

    Parameters
    ----------
    settings : Settings
        Says where lists go; nothing is written unless sending is switched on.
    ledger : Ledger
        Holds the messages.
    run : Run
        The newest run of its day; lists bear its name.
    now : datetime
        The moment of handing over.
    environment : mapping, optional
        Where the table's settings are; the process's own if left out.
    allow_shrink : bool
        Whether a mirror may lose as many rows as it likes.

    Returns
    -------
    tuple of str
        What was written: folders, and the table.

    Raises
    ------
    SupersededRun
        If a newer run has taken over the day.
    Busy
        If another process writes lists, or the table's database cannot be reached.
    ContractBreach
        If a mirror would shrink too much. Lists of other channels are written by then.
    """
    if not settings.sending:
        return ()
    table = TableSettings.from_environment(os.environ if environment is None else environment)
    policy = load_policy(settings.dbt_project)
    writer = _Writer(settings, ledger, policy, run, now)
    with _one_writer(settings.home / "lists" / run.source):
        ledger.assert_epoch_current(run)
        writer.let_older_days_go()
        written = [*writer.calls(), *writer.files()]
        if table.url:
            written += writer.table(ReverseTable(table, allow_shrink=allow_shrink))
    return tuple(written)


class _Writer:
    """Writes the lists of one run."""

    def __init__(self, settings: Settings, ledger: Ledger, policy: Policy, run: Run, now: datetime) -> None:
        self._settings = settings
        self._ledger = ledger
        self._policy = policy
        self._run = run
        self._now = now
        self._root = settings.home / "lists" / run.source

    def let_older_days_go(self) -> None:
        """Let expire what still waits of earlier days, by every batch channel."""
        for channel in BATCH_CHANNELS:
            self._outlet(channel).let_older_days_go()

    def calls(self) -> Iterator[str]:
        """Write the call list."""
        outlet, door = self._outlet("call"), CallList(self._root, self._phones)
        waiting = self._not_there_yet(outlet, outlet.waiting(), door.handed_over)
        claimed = outlet.claim(waiting)
        if claimed:
            with self._given_back(outlet, claimed):
                path = door.write(self._run, _entries(claimed), now=self._now)
            outlet.mark_sent(claimed, self._named(path))
            yield str(path)

    def files(self) -> Iterator[str]:
        """Write a drop for every campaign with news; each holds the campaign's whole audience of the day."""
        outlet, door = self._outlet("file"), FileDrop(self._root)
        for campaign_id, messages in groupby(outlet.waiting(), key=_campaign_id):
            drops = partial(door.handed_over, campaign_id)
            waiting = self._not_there_yet(outlet, tuple(messages), drops)
            claimed = outlet.claim(waiting)
            if claimed:
                there = outlet.handed_over(campaign_id)
                with self._given_back(outlet, claimed):
                    path = door.write(self._run, _entries((*there, *claimed)), now=self._now)
                outlet.mark_sent(claimed, self._named(path))
                yield str(path)

    def table(self, door: ReverseTable) -> Iterator[str]:
        """Write the table: the whole audience of the day, all campaigns together."""
        outlet = self._outlet("table")
        waiting = outlet.waiting()
        gone = outlet.left_alone(door.user_ids(self._run))
        if not waiting:
            door.take_out(self._run, gone)
            return
        claimed = outlet.claim(self._not_there_yet(outlet, waiting, door.handed_over))
        audience = (*outlet.handed_over(), *claimed)
        with self._given_back(outlet, claimed):
            told = door.write(self._run, _entries(audience), gone, now=self._now)
        outlet.mark_sent(claimed, door.name)
        yield told

    def _outlet(self, channel: str) -> Outlet:
        return Outlet(self._settings, self._ledger, self._policy, self._run, channel, now=self._now)

    def _not_there_yet(
        self,
        outlet: Outlet,
        messages: Sequence[OutboxMessage],
        handed_over: Callable[[Run, Collection[str]], set[str]],
    ) -> tuple[OutboxMessage, ...]:
        """Mark sent what a writer left on a list before it was stopped; return the others."""
        there = handed_over(self._run, [message.message_id for message in messages]) if messages else set()
        found = [message for message in messages if message.message_id in there]
        outlet.mark_sent(found, "found on a list")
        return tuple(message for message in messages if message.message_id not in there)

    @contextmanager
    def _given_back(self, outlet: Outlet, claimed: Sequence[OutboxMessage]) -> Iterator[None]:
        """Give messages back if their list could not be written; whether it was is asked on the next try."""
        try:
            yield
        except Exception as error:
            outlet.give_back(claimed, f"the list could not be written ({type(error).__name__})")
            raise

    def _phones(self, user_ids: Sequence[str]) -> dict[str, str]:
        with Vault(self._settings) as vault:
            found = vault.addresses("call", sorted(set(user_ids)))
        return {user: address.value for user, address in found.items() if address.value}

    def _named(self, path: Path) -> str:
        return str(path.relative_to(self._root))


def _entries(messages: Sequence[OutboxMessage]) -> list[Entry]:
    return [Entry.of(message) for message in messages]


def _campaign_id(message: OutboxMessage) -> str:
    return message.campaign_id


@contextmanager
def _one_writer(root: Path) -> Iterator[None]:
    """Hold the right to write lists; it goes with the process."""
    make_private_folder(root)
    descriptor = os.open(root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(
                "Another process is writing lists",
                str(root),
                "wait for it, or stop it; the lock goes with it",
            ) from None
        yield
    finally:
        os.close(descriptor)


__all__ = ["write_lists"]
