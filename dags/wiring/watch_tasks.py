"""The tasks of score_churn_risk that watch the model. Nothing that goes wrong here keeps the list back."""

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task

from dags.wiring.announce import announce
from dags.wiring.assets import RETRAINING_WANTED
from dags.wiring.defaults import WRITER_POOL
from dags.wiring.runs import OpenedRun, each_run, opened_ledger

if TYPE_CHECKING:
    from warehouse.ledger import Ledger, Run
    from warehouse.settings import Settings

log = logging.getLogger(__name__)

WATCH = "watch_model"
GATE_BEFORE = "check_risk_tables"
FAILED = "The watch itself failed; its log says why. The list goes out unwatched."


@task(task_id=WATCH, pool=WRITER_POOL)
def watch_model(opened: list[OpenedRun]) -> list[dict[str, str]]:
    """Look at what the model was fed, at its scores, and at past scores whose outcome is now known.

    Returns
    -------
    list of dict
        Kind, subject and message of each alarm.
    """
    from ml.watch import watch_day

    with opened_ledger() as (settings, ledger):
        (run,) = each_run(ledger, opened)
        alarms = watch_day(settings, ledger, run, run.as_of_date, progress=print)
    return [{"kind": one.kind, "subject": one.subject, "message": one.message} for one in alarms]


def watch_missed_day(settings: "Settings", ledger: "Ledger", run: "Run") -> None:
    """Look at a day that was caught up after an outage, and record its alarms without telling them.

    By now they are old news: what still stands is told of the newest day, which is watched after this one and
    asks for training where that is wanted. A watch that fails keeps no day back.
    """
    from ml.watch import watch_day
    from warehouse.alarms import raise_alarms
    from warehouse.errors import SupersededRun
    from warehouse.ledger import Alarm

    try:
        alarms = watch_day(settings, ledger, run, run.as_of_date, progress=print)
    except SupersededRun:
        raise
    except Exception:  # whatever it is, the days after this one are waited for
        log.exception("the watch of %s failed", run.as_of_date)
        alarms = [Alarm(run.source, run.as_of_date, "watch_failed", WATCH, FAILED)]
    raise_alarms(settings, ledger, run, alarms, notify=False)


@task(trigger_rule="all_done")
def tell_alarms(opened: list[OpenedRun]) -> int:
    """Record the day's alarms and tell whoever listens; a watch that failed is an alarm of its own.

    It runs whatever became of the watch, so that publishing, which waits for it, does not depend on that.
    A replay tells nobody and asks for no training.

    Returns
    -------
    int
        Alarms that are new.
    """
    from ml.watch import retraining_wanted
    from warehouse.alarms import raise_alarms
    from warehouse.ledger import Alarm

    context = get_current_context()
    told: Any = context["ti"].xcom_pull(task_ids=WATCH)
    is_announced = bool(context["params"].get("announce", True))
    if told is None and context["ti"].xcom_pull(task_ids=GATE_BEFORE) is None:
        log.info("the gate before the watch is not green: there is nothing to tell")
        return 0
    with opened_ledger() as (settings, ledger):
        (run,) = each_run(ledger, opened)
        if told is None:
            told = [{"kind": "watch_failed", "subject": WATCH, "message": FAILED}]
        alarms = [Alarm(run.source, run.as_of_date, **one) for one in told]
        wanted = retraining_wanted(settings, ledger, run.as_of_date, alarms) if is_announced else None
        raised = [*alarms, wanted] if wanted else alarms
        return len(raise_alarms(settings, ledger, run, raised, notify=is_announced))


@task(outlets=[RETRAINING_WANTED])
def announce_retraining(opened: list[OpenedRun]) -> None:
    """Let the model be trained again, if this run's alarms were the first to ask for it.

    After publishing: training takes the writer's place, and the list must not wait for it.
    """
    from ml.watch import RETRAINING_WANTED as KIND

    with opened_ledger() as (_, ledger):
        (run,) = each_run(ledger, opened)
        asked = ledger.alarms(run.source, first_day=run.as_of_date, last_day=run.as_of_date, kind=KIND)
    days = [one.as_of_date.isoformat() for one in asked if one.run_id == run.run_id]
    announce(RETRAINING_WANTED, days, run_ids=[run.run_id])
