"""Recording notices, and bringing them to whoever listens: what cannot be told now waits in the ledger."""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from warehouse.ledger import Ledger
from warehouse.ledger.notice_book import StoredNotice
from warehouse.notices.notice import Notice
from warehouse.notices.senders import send
from warehouse.notices.settings import NoticeSettings
from warehouse.settings import Settings

#: What could not be told is told later, but not when it is old news; the record of it stays a month.
WAITING_DAYS, KEPT_DAYS = 7, 30

Progress = Callable[[str], None]


def tell(
    settings: Settings,
    ledger: Ledger,
    told: NoticeSettings,
    notices: Sequence[Notice],
    *,
    state: str = "waiting",
    progress: Progress = print,
) -> int:
    """Record notices for every channel of their audience, then bring out all that waits.

    Nothing that happens at a receiver fails the caller.

    Parameters
    ----------
    settings : Settings
        Names the shop.
    ledger : Ledger
        Keeps every notice once per channel, by its key.
    told : NoticeSettings
        Whom to tell, and how.
    notices : sequence of Notice
        What to tell.
    state : str
        ``quiet`` to record only: it is counted in the next one of its kind and subject.
    progress : callable
        Takes a line for each notice that went out or could not.

    Returns
    -------
    int
        Notices that are new, counted once per channel.
    """
    new = ledger.record_notices(
        [
            StoredNotice(
                settings.source,
                notice.key,
                channel,
                notice.audience,
                notice.kind,
                notice.subject,
                notice.as_json(),
                state,
                ledger.clock(),
            )
            for notice in notices
            for channel in told.receivers(notice.audience).channels
        ]
    )
    bring_out(settings, ledger, told, progress=progress)
    return len(new)


def bring_out(settings: Settings, ledger: Ledger, told: NoticeSettings, *, progress: Progress = print) -> int:
    """Send every notice that waits. Returns how many were taken.

    A receiver that does not answer is asked once a round, and costs its timeouts once. Two processes at once
    do not send the same notice twice.
    """
    now, taken = ledger.clock(), 0
    with _one_at_a_time(settings):
        ledger.give_up_notices(settings.source, now - timedelta(days=WAITING_DAYS))
        ledger.forget_notices(settings.source, now - timedelta(days=KEPT_DAYS))
        down: set[tuple[str, str]] = set()
        for waiting in ledger.waiting_notices(settings.source):
            receiver = (waiting.audience, waiting.channel)
            if receiver in down:
                continue
            failure = send(waiting.channel, Notice.from_json(waiting.payload), settings.source, told)
            ledger.record_notice_sent(waiting, failure)
            if failure:
                down.add(receiver)
                progress(f"notice {waiting.kind} to {waiting.audience} by {waiting.channel} waits: {failure}")
            else:
                taken += 1
                progress(f"notice {waiting.kind} to {waiting.audience} by {waiting.channel}: told")
    return taken


@contextmanager
def _one_at_a_time(settings: Settings) -> Iterator[None]:
    folder = settings.home / "ledger"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / ".notices", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
