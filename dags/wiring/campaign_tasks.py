"""The tasks of the campaign DAGs: record, approve, release, relay, measure, learn."""

import datetime as dt
import os
import socket
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.wiring.announce import announce
from dags.wiring.approval import Approval, who_answered
from dags.wiring.assets import CAMPAIGN_MESSAGES
from dags.wiring.days import asked_days, parsed_day
from dags.wiring.defaults import WRITER_POOL
from dags.wiring.runs import OpenedRun, begin, each_run, finish, opened_ledger, trigger_of
from warehouse.settings import Settings

# What the line itself starts; a person's trigger shows what would be sent, a backfill cannot ask at all.
BY_ITSELF = ("asset_triggered", "scheduled")
APPROVAL = "approve_large_campaigns"


@task(task_id="open_runs")
def open_campaign_run() -> list[OpenedRun]:
    """Begin a run for the newest day of the event: older days are history, and nobody is written to."""
    context = get_current_context()
    return begin("campaigns", asked_days(context)[-1:], context)


@task
def record_campaigns(opened: list[OpenedRun]) -> list[dict[str, Any]]:
    """Record the published decisions of the day, or only say what they are.

    Returns
    -------
    list of dict
        Campaign, state, users and cost of each launch.
    """
    from campaigns.record import record_decisions
    from warehouse.publish import daily_snapshot

    by_itself = trigger_of(get_current_context()["dag_run"]) in BY_ITSELF
    with opened_ledger() as (settings, ledger):
        (run,) = each_run(ledger, opened)
        launches = record_decisions(
            settings,
            ledger,
            run,
            daily_snapshot(settings),
            now=dt.datetime.now(dt.UTC),
            may_send=by_itself and settings.sending,
            progress=print,
        )
    return [
        {
            "campaign_id": one.campaign_id,
            "state": one.state,
            "users": one.users_treated,
            "cost": float(one.expected_cost),
            "reason": one.reason or "",
        }
        for one in launches
    ]


@task.short_circuit(ignore_downstream_trigger_rules=False)
def is_approval_needed(launches: list[dict[str, Any]]) -> str | bool:
    """Return what a person is asked to approve, or skip asking."""
    waiting = [one for one in launches if one["state"] == "awaiting_approval"]
    lines = [
        f"- **{one['campaign_id']}**: {one['users']:,} users, "
        f"expected cost {one['cost']:,.2f} ({one['reason']})"
        for one in waiting
    ]
    return "\n".join(lines) or False


def approve_large_campaigns() -> Approval:
    """Ask a person, under *Required actions*; silence means that nothing is sent."""
    return Approval(
        task_id=APPROVAL,
        subject="Campaigns of {{ ti.xcom_pull(task_ids='open_runs')[0]['as_of_date'] }} wait for approval",
        body="{{ ti.xcom_pull(task_ids='is_approval_needed') }}\n\n"
        "They are larger than the seed `campaign_policy` lets go out unseen. Without an answer they are "
        "not sent.",
        defaults="Reject",
        response_timeout=dt.timedelta(hours=Settings.from_environment().approval_hours),
    )


@task
def release_approved(opened: list[OpenedRun]) -> int:
    """Let the approved messages go. Returns how many."""
    from campaigns.release import approve

    who = who_answered(get_current_context(), APPROVAL) or "Airflow"
    with opened_ledger() as (_, ledger):
        (run,) = each_run(ledger, opened)
        return approve(ledger, run, decided_by=who, now=dt.datetime.now(dt.UTC))


@task
def write_lists(opened: list[OpenedRun]) -> list[str]:
    """Write call lists, file drops and the reverse-ETL table of what is released. Returns where."""
    from campaigns.lists import write_lists as write

    with opened_ledger() as (settings, ledger):
        (run,) = each_run(ledger, opened)
        return [str(one) for one in write(settings, ledger, run, now=dt.datetime.now(dt.UTC))]


@task
def close_unapproved(opened: list[OpenedRun]) -> int:
    """Reject what nobody approved, and end the run. Returns how many messages were not sent."""
    from campaigns.release import reject

    who = who_answered(get_current_context(), APPROVAL) or "nobody"
    with opened_ledger() as (_, ledger):
        (run,) = each_run(ledger, opened)
        left = reject(ledger, run, decided_by=who, now=dt.datetime.now(dt.UTC))
    finish(opened)
    return left


@task(outlets=[CAMPAIGN_MESSAGES])
def announce_messages(opened: list[OpenedRun]) -> None:
    """Say that campaigns of a day went out."""
    announce(CAMPAIGN_MESSAGES, [run["as_of_date"] for run in opened])


@task
def relay_messages() -> str:
    """Send what is due. Returns what became of it, in a sentence.

    Raises
    ------
    AirflowSkipException
        If sending is switched off, or no channel is configured.
    """
    from campaigns.channels import channels_from_environment
    from campaigns.relay import relay

    with opened_ledger() as (settings, ledger):
        if not settings.sending:
            raise AirflowSkipException("HOLDFAST_SENDING is off: nothing is sent")
        channels = channels_from_environment(os.environ)
        if not channels:
            raise AirflowSkipException("no channel is configured: see docs/channels.md")
        report = relay(settings, ledger, channels, worker=f"{socket.gethostname()}:{os.getpid()}")
    return str(report)


@task(task_id="open_runs")
def open_effects_run() -> list[OpenedRun]:
    """Begin a run for the newest day of the event."""
    context = get_current_context()
    return begin("effects", asked_days(context)[-1:], context)


@task(pool=WRITER_POOL)
def copy_campaign_facts(opened: list[OpenedRun]) -> None:
    """Copy what was assigned, sent and issued from the ledger into the build file."""
    from warehouse.control_tables import copy_campaign_tables

    with opened_ledger() as (settings, ledger):
        (run,) = each_run(ledger, opened)
        copy_campaign_tables(settings, ledger, run)


@task(pool=WRITER_POOL)
def tell_campaign_alarms(opened: list[OpenedRun]) -> list[str]:
    """Raise an alarm for contamination and for arms of the wrong size, and end the run."""
    from campaigns.alarms import campaign_alarms
    from warehouse.alarms import raise_alarms

    is_announced = bool(get_current_context()["params"].get("announce", True))
    with opened_ledger() as (settings, ledger):
        (run,) = each_run(ledger, opened)
        raised = raise_alarms(
            settings, ledger, run, campaign_alarms(settings, run.as_of_date), notify=is_announced
        )
    finish(opened)
    return [f"{one.kind} {one.subject}" for one in raised]


@task(task_id="open_runs")
def open_uplift_run() -> list[OpenedRun]:
    """Begin a run for the day asked for, or for the newest built day."""
    context = get_current_context()
    asked = context["params"].get("as_of_date")
    with opened_ledger() as (settings, ledger):
        day = parsed_day(asked) if asked else ledger.newest_built_day(settings.source)
    if day is None:
        raise AirflowSkipException("no day was built yet; there is nothing to learn from")
    return begin("uplift", [day], context)


@task(pool=WRITER_POOL)
def learn_uplift(opened: list[OpenedRun]) -> dict[str, str]:
    """Train an uplift model for every campaign with enough evidence. Returns what came of each."""
    from ml.uplift.entry import train_uplift

    with opened_ledger() as (settings, ledger):
        (run,) = each_run(ledger, opened)
        told = train_uplift(settings, ledger, run.as_of_date, progress=print)
    finish(opened)
    return told
