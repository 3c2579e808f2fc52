"""The notification hook: alarms are recorded once, printed, written into the run's report, and posted.

Where ``HOLDFAST_ALARM_URL`` is set, what is new goes there in one POST per run, as JSON:

    {"source": "my_shop", "run_id": "20260630-000042", "alarms": [
        {"as_of_date": "2026-06-30", "kind": "feature_drift", "subject": "paid_orders_30d",
         "message": "…", "run_id": "20260630-000042"}]}

Data engineers who are told by e-mail or chat (`warehouse.notices`) are told of them as well, by kind.

Any 2xx answer means that somebody was told. What could not be told waits in the ledger and goes with the next
alarms of the week; nothing that happens here fails a run. Messages hold counts and shares, never a user.
"""

import hashlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from http.client import HTTPException

from warehouse.errors import HoldfastError
from warehouse.ledger import Alarm, Ledger, Run
from warehouse.settings import Settings

TIMEOUT_SECONDS = 5.0
# Pauses between tries: with the timeouts a dead receiver costs twenty seconds, once a run.
PAUSES_SECONDS = (1.0, 3.0)
# What could not be told is told later, but not when it is old news.
WAITING_DAYS = 7


def raise_alarms(
    settings: Settings,
    ledger: Ledger,
    run: Run,
    alarms: Sequence[Alarm],
    *,
    notify: bool = True,
    progress: Callable[[str], None] = print,
) -> tuple[Alarm, ...]:
    """Record alarms, print those that are new, and tell whoever listens.

    Parameters
    ----------
    settings : Settings
        ``alarm_url`` says where to; empty for nowhere.
    ledger : Ledger
        Keeps every alarm once, by source, day, kind and subject; the run's report reads it.
    run : Run
        The run that raises them.
    alarms : sequence of Alarm
        What is wrong on the run's day.
    notify : bool
        False for a replay or a trial run: nobody is told, now or later.
    progress : callable
        Takes one line per new alarm.

    Returns
    -------
    tuple of Alarm
        Those that are new.
    """
    tells = notify and bool(settings.alarm_url)
    marked = [
        replace(alarm, run_id=run.run_id, notification="waiting" if tells else "not_asked")
        for alarm in alarms
    ]
    new = ledger.record_alarms(marked)
    for alarm in new:
        progress(f"ALARM {alarm.kind} {alarm.subject}: {alarm.message}")
    if tells:
        _tell(settings, ledger, run, progress)
    if notify and new:
        _tell_engineers(settings, ledger, run, new, progress)
    return new


def _tell_engineers(
    settings: Settings, ledger: Ledger, run: Run, new: Sequence[Alarm], progress: Callable[[str], None]
) -> None:
    """Tell people; a setting of theirs that cannot be read must not keep the day's list back."""
    from warehouse.notices import tell_alarms

    try:
        tell_alarms(settings, ledger, run, new, progress=progress)
    except HoldfastError as error:
        progress(f"nobody was told of {len(new)} alarms by notice: {error}")


def _tell(settings: Settings, ledger: Ledger, run: Run, progress: Callable[[str], None]) -> None:
    """Post what waits; older alarms of the same source go along, so that none is lost to a bad hour."""
    waiting = ledger.alarms(
        run.source,
        first_day=run.as_of_date - timedelta(days=WAITING_DAYS),
        last_day=run.as_of_date,
        notification="waiting",
    )
    if not waiting:
        return
    failure = posted(settings.alarm_url, _body(run, waiting))
    ledger.record_notified(waiting, failure)
    # the address may hold a secret: it is never printed
    outcome = f"could not be told: {failure}" if failure else "told"
    progress(f"{len(waiting)} alarms {outcome}")


def _body(run: Run, alarms: Sequence[Alarm]) -> bytes:
    told = [
        {
            "as_of_date": alarm.as_of_date.isoformat(),
            "kind": alarm.kind,
            "subject": alarm.subject,
            "message": alarm.message,
            "run_id": alarm.run_id,
        }
        for alarm in alarms
    ]
    return json.dumps({"source": run.source, "run_id": run.run_id, "alarms": told}).encode()


def posted(url: str, body: bytes) -> str | None:
    """Post JSON with a few tries; returns why it failed, without the address, or None."""
    request = urllib.request.Request(  # noqa: S310  the settings let only http(s) pass
        url,
        data=body,
        headers={
            "Content-Type": "application/json",
            "User-Agent": "holdfast",
            # the same for every try: a receiver that took the first may drop the rest
            "webhook-id": hashlib.sha256(body).hexdigest()[:32],
        },
    )
    failure = ""
    for pause in (*PAUSES_SECONDS, None):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  as above
                answer.read(1)
        except urllib.error.HTTPError as error:
            failure = f"the receiver answered {error.code}"
            error.close()
        except (OSError, HTTPException, ValueError) as error:
            failure = f"no answer ({type(getattr(error, 'reason', error)).__name__})"
        else:
            return None
        if pause is not None:
            time.sleep(pause)
    return f"{failure}, {len(PAUSES_SECONDS) + 1} times"
