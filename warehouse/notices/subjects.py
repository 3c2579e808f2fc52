"""What notices are about: risk alerts for the service team, failures and alarms for data engineers."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from warehouse.errors import HoldfastError
from warehouse.ledger import Alarm, Ledger, Run
from warehouse.ledger.notice_book import StoredNotice
from warehouse.notices.notice import Notice, shown_user, without_personal_data
from warehouse.notices.settings import NoticeSettings
from warehouse.notices.telling import Progress, tell
from warehouse.notices.texts import ALERT_KINDS, TIERS, say, word
from warehouse.settings import Settings

TIER_ORDER = ("high", "medium", "low")
TASK_FAILED, RISK_ALERTS, ALARMS, LATE_LIST = "task_failed", "risk_alerts", "alarms", "late_list"


def tell_risk_alerts(
    settings: Settings,
    ledger: Ledger,
    run: Run,
    alerts: Sequence[Mapping[str, Any]],
    *,
    told: NoticeSettings | None = None,
    progress: Progress = print,
) -> int:
    """Tell the service team of new risk alerts: one message per run and kind, each alert once.

    Parameters
    ----------
    settings : Settings
        Names the shop.
    ledger : Ledger
        Keeps what could not be told yet.
    run : Run
        The run that raised them.
    alerts : sequence of mapping
        With the columns of ``risk_alerts``; nothing in them names a person.
    told : NoticeSettings, optional
        Whom to tell; read from the environment if left out.
    progress : callable
        Takes a line per message. Lines name no user.

    Returns
    -------
    int
        Messages that are new, counted once per channel.
    """
    told = told or NoticeSettings.from_environment()
    by_kind: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for alert in alerts:
        by_kind[str(alert["alert_kind"])].append(alert)
    notices = []
    for kind, found in sorted(by_kind.items()):
        before = ledger.notices(settings.source, RISK_ALERTS, kind)
        known = {member for one in before for member in Notice.from_json(one.payload).members}
        if untold := [one for one in found if str(one["alert_id"]) not in known]:
            notices.append(_of_alerts(run, kind, told, untold))
    return tell(settings, ledger, told, notices, progress=progress)


def _of_alerts(run: Run, kind: str, told: NoticeSettings, alerts: Sequence[Mapping[str, Any]]) -> Notice:
    language = told.language
    ordered = sorted(alerts, key=lambda one: (_place(one), str(one["since_date"]), str(one["user_id"])))
    members = tuple(sorted(str(one["alert_id"]) for one in alerts))
    digest = hashlib.sha256("\n".join(members).encode()).hexdigest()
    if told.names_users:
        shown = ordered[: told.details]
        lines = tuple(
            say(
                "alert_line",
                language,
                user=shown_user(str(one["user_id"])),
                tier=word(TIERS, str(one["risk_tier"]), language),
                since=one["since_date"],
                why=without_personal_data(one[f"reason_sentence_{language}"]).rstrip(".。"),
                todo=without_personal_data(one[f"what_to_do_{language}"]),
            )
            for one in shown
        )
    else:
        shown, lines = ordered, (say("alerts_counted", language),)
    return Notice(
        key=f"{RISK_ALERTS}:{run.run_id}:{kind}:{digest[:16]}",
        audience="service",
        kind=RISK_ALERTS,
        subject=kind,
        title=say(
            "alerts_title",
            language,
            users=len({str(one["user_id"]) for one in alerts}),
            what=word(ALERT_KINDS, kind, language),
            tiers=counted_tiers(Counter(str(one["risk_tier"]) for one in alerts), told),
        ),
        lines=lines,
        more=len(ordered) - len(shown),
        link=told.page("at-risk"),
        members=members,
    )


def counted_tiers(counts: Mapping[str, int], told: NoticeSettings) -> str:
    """Return how many of each tier, the highest first, in words."""
    order = [tier for tier in TIER_ORDER if tier in counts] + sorted(counts.keys() - set(TIER_ORDER))
    told_counts = [
        say("tier_count", told.language, count=f"{counts[tier]:,}", tier=word(TIERS, tier, told.language))
        for tier in order
    ]
    return ("，" if told.language == "zh" else ", ").join(told_counts)


def _place(alert: Mapping[str, Any]) -> int:
    tier = str(alert["risk_tier"])
    return TIER_ORDER.index(tier) if tier in TIER_ORDER else len(TIER_ORDER)


@dataclass(frozen=True)
class Failure:
    """One task that failed for good: where, of what, on which day, at which try, when."""

    task: str
    error: object
    as_of_date: str
    tries: int
    at: datetime


def tell_failure(
    settings: Settings,
    ledger: Ledger,
    task: str,
    occasion: str,
    error: object,
    *,
    as_of_date: str = "",
    tries: int = 1,
    told: NoticeSettings | None = None,
    progress: Progress = print,
) -> int:
    """Tell data engineers that a task failed for good.

    A failure of the same task that comes again within the quiet hours is counted, and told with the next
    one after them. The value that an error found is left out: it may be a person's.

    Parameters
    ----------
    task : str
        ``dag.task``.
    occasion : str
        What makes it this failure and no other: the DAG run and the try.
    error : object
        What was raised; None where a process was killed.
    as_of_date : str
        The day it worked on, if that is known.

    Returns
    -------
    int
        Messages that are new, counted once per channel.
    """
    told = told or NoticeSettings.from_environment()
    now = ledger.clock()
    before = ledger.notices(settings.source, TASK_FAILED, task)
    loud = [one for one in before if one.state != "quiet"]
    is_repeat = bool(loud) and loud[-1].created_at > now - timedelta(hours=told.quiet_hours)
    key = f"{TASK_FAILED}:{task}:{occasion}"
    since = loud[-1].created_at if loud else now
    notice = _of_failure(
        Failure(task, error, as_of_date, tries, now), key, told, _repeated(before, key, since, told)
    )
    return tell(
        settings, ledger, told, [notice], state="quiet" if is_repeat else "waiting", progress=progress
    )


def _repeated(
    before: Sequence[StoredNotice], key: str, since: datetime, told: NoticeSettings
) -> tuple[str, ...]:
    """Return how often it happened since anybody was told, in a sentence; nothing where it did not."""
    quiet = {one.notice_key for one in before if one.state == "quiet" and one.created_at >= since} - {key}
    if not quiet:
        return ()
    return (say("failure_repeated", told.language, count=len(quiet), since=f"{since:%Y-%m-%d %H:%M}"),)


def _of_failure(failure: Failure, key: str, told: NoticeSettings, again: tuple[str, ...]) -> Notice:
    language = told.language
    why, todo = _reason(failure.error)
    name = "failure_title" if failure.as_of_date else "failure_title_without_day"
    return Notice(
        key=key,
        audience="engineers",
        kind=TASK_FAILED,
        subject=failure.task,
        title=say(name, language, task=failure.task, day=failure.as_of_date),
        lines=(
            say("failure_why", language, why=why),
            say("failure_since", language, since=f"{failure.at:%Y-%m-%d %H:%M}", tries=failure.tries),
            say("failure_todo", language, todo=todo, dag=failure.task.partition(".")[0]),
            *again,
        ),
        link=told.page("data"),
    )


def _reason(error: object) -> tuple[str, str]:
    """Return what happened and what to do, without the value that was found."""
    if isinstance(error, HoldfastError):
        remedy = without_personal_data(error.remedy)
        return without_personal_data(error.what), f"{remedy[:1].upper()}{remedy[1:]}." if remedy else ""
    # what others say may repeat a row
    return (type(error).__name__ if error is not None else "the process was killed, or out of memory"), ""


def tell_late_list(
    settings: Settings,
    ledger: Ledger,
    dag: str,
    occasion: str,
    needed_by: str,
    *,
    told: NoticeSettings | None = None,
    progress: Progress = print,
) -> int:
    """Tell data engineers that a list is not out in time. Returns messages that are new.

    Parameters
    ----------
    dag : str
        Who is late; the runbook has a section for it.
    occasion : str
        The run that is late: it is told once.
    needed_by : str
        When marketing pulls.
    """
    told = told or NoticeSettings.from_environment()
    late = Notice(
        key=f"{LATE_LIST}:{occasion}",
        audience="engineers",
        kind=LATE_LIST,
        subject=dag,
        title=say("late_title", told.language, needed_by=needed_by),
        lines=(say("late_todo", told.language, dag=dag),),
        link=told.page("data"),
    )
    return tell(settings, ledger, told, [late], progress=progress)


def tell_alarms(
    settings: Settings,
    ledger: Ledger,
    run: Run,
    alarms: Sequence[Alarm],
    *,
    told: NoticeSettings | None = None,
    progress: Progress = print,
) -> int:
    """Tell data engineers of new alarms: one message per run and kind. Returns messages that are new."""
    told = told or NoticeSettings.from_environment()
    by_kind: dict[str, list[Alarm]] = defaultdict(list)
    for alarm in alarms:
        by_kind[alarm.kind].append(alarm)
    notices = [
        Notice(
            key=f"{ALARMS}:{run.run_id}:{kind}",
            audience="engineers",
            kind=ALARMS,
            subject=kind,
            title=say("alarms_title", told.language, count=len(found), kind=kind, day=run.as_of_date),
            lines=(
                *(without_personal_data(f"{one.subject}: {one.message}") for one in found[: told.details]),
                say("alarms_todo", told.language),
            ),
            more=max(0, len(found) - told.details),
            link=told.page("model"),
        )
        for kind, found in sorted(by_kind.items())
    ]
    return tell(settings, ledger, told, notices, progress=progress)
