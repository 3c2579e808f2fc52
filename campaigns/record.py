"""Recording a day's decisions: arms, launches, coupons and messages, in one transaction of the ledger.

A decision and the intent to act on it are written together or not at all, before anything leaves. A day that
is recorded again writes nothing twice: keys are for ever, arms and coupons stay, and a message whose content
has changed is refused and told.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import Connection

from campaigns.composing import Composer
from campaigns.decisions import Decisions
from campaigns.launch_checks import check_may_send, check_snapshot, why_not
from campaigns.launching import Launcher, Launching
from campaigns.limits import Planned
from campaigns.policy import load_policy
from warehouse.errors import ContractBreach
from warehouse.garbage import no_garbage_collection
from warehouse.ledger import CampaignAssignment, Ledger, Run
from warehouse.settings import Settings
from warehouse.sources import load_source

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Preview:
    """One message as a dry run shows it."""

    user_id: str
    campaign_id: str
    channel: str
    action: str
    offer_id: str | None
    state: str
    failure: str | None
    not_before: datetime
    payload_json: str


@dataclass(frozen=True)
class Launch:
    """What was recorded, or would be, of one campaign.

    Attributes
    ----------
    state : str
        As in the ledger (see `CampaignLaunch`); ``dry_run`` where nothing was written.
    users_chosen, users_treated, users_held_out : int
        Those taken on, whatever their arm, and by arm.
    expected_cost : float
        Of those treated.
    messages_new : int
        Messages that were not there before.
    changed : tuple of str
        Idempotency keys whose content is another than the one recorded first, which stands.
    reason : str or None
        Why it waits or is refused, and who was left out.
    messages : tuple of Preview
        Of a dry run: what would be said to whom.
    """

    campaign_id: str
    state: str
    users_chosen: int
    users_treated: int
    users_held_out: int
    expected_cost: float
    messages_new: int
    changed: tuple[str, ...] = ()
    reason: str | None = None
    messages: tuple[Preview, ...] = ()


def record_decisions(
    settings: Settings,
    ledger: Ledger,
    run: Run,
    snapshot: Path,
    *,
    now: datetime,
    may_send: bool,
    progress: Progress = lambda _line: None,
) -> tuple[Launch, ...]:
    """Record what a published snapshot decided, so that it can be sent; or only say what that would be.

    One transaction of the ledger: the run's right to write, arms, launches, coupons with their budget, and
    messages. A dry run goes through the same transaction and undoes it.

    Parameters
    ----------
    settings : Settings
        Says where the published snapshots and the seeds are, and how long an approval may take.
    ledger : Ledger
        Is written.
    run : Run
        The run that acts on the day.
    snapshot : Path
        The folder of the published snapshot, resolved.
    now : datetime
        In UTC.
    may_send : bool
        False for a dry run: nothing is written.
    progress : callable
        Takes one line per campaign.

    Returns
    -------
    tuple of Launch
        One per campaign that somebody was chosen for, in the order of the campaigns' priority.

    Raises
    ------
    ContractBreach, GateFailure, SupersededRun, DamagedFile
        If the day may not be sent (see `campaigns.launch_checks`); nothing is written.
    SettingsError
        If a seed of campaigns cannot be used.
    """
    manifest = check_snapshot(settings, run, snapshot)
    if may_send:
        check_may_send(settings, ledger, run, snapshot, manifest, now=now)
    elif (refusal := why_not(settings, ledger, run, snapshot, manifest, now=now)) is not None:
        progress(f"dry run; recording this would be refused: {refusal}")
    policy, shop = load_policy(settings.dbt_project), load_source(settings.source, settings.dbt_project)
    launcher = Launcher(
        ledger,
        policy,
        run,
        composer=Composer(ledger, policy, run, shop.currency, shop.time_zone, now),
        now=now,
        deadline=now + timedelta(hours=settings.approval_hours),
        keeps_messages=not may_send,
    )
    launched: list[Launching] = []
    with Decisions.opened(snapshot) as decisions:
        wanted = _in_order(launcher, decisions)
        with no_garbage_collection(), _transaction(ledger, keep=may_send) as connection:
            if may_send:
                ledger.assert_epoch_current(run)
            _record_global_control(launcher, connection, decisions)
            planned = Planned()
            planned.by_channel.update(ledger.planned_by_channel(connection, run.source, run.as_of_date))
            for campaign_id in wanted:
                launched.append(launcher.launch(connection, decisions, campaign_id, planned))
                progress(_sentence(launched[-1], is_dry=not may_send))
    return tuple(_told(one, is_dry=not may_send) for one in launched)


@contextmanager
def _transaction(ledger: Ledger, *, keep: bool) -> Iterator[Connection]:
    """Hold one transaction of the ledger; undo it at the end of a dry run."""
    with ledger.writing() as connection:
        yield connection
        transaction = connection.get_transaction()
        if not keep and transaction is not None:
            transaction.rollback()


def _in_order(launcher: Launcher, decisions: Decisions) -> list[str]:
    """Return the campaigns of the day by priority; those that the seed does not know are a breach."""
    found = set(decisions.campaigns())
    known = [campaign_id for campaign_id in launcher.policy.campaigns if campaign_id in found]
    unknown = sorted(found - set(known))
    if unknown:
        raise ContractBreach(
            "Users were chosen for campaigns that the seed campaign_policy does not know",
            unknown,
            "build and publish the day again with the seed that is to hold",
        )
    return known


def _record_global_control(launcher: Launcher, connection: Connection, decisions: Decisions) -> None:
    control, run = launcher.policy.global_control, launcher.run
    for part in decisions.global_control():
        launcher.ledger.record_assignments(
            connection,
            [
                CampaignAssignment(
                    source=run.source,
                    experiment_id=control.experiment_id,
                    user_id=user_id,
                    campaign_id=control.campaign_id,
                    arm="global_control",
                    stratum=stratum or "",
                    holdout_share=share,
                    salt=salt or control.salt,
                    assigned_on=assigned_on,
                    run_id=run.run_id,
                )
                for user_id, stratum, share, salt, assigned_on in part
            ],
        )


def _told(launched: Launching, *, is_dry: bool) -> Launch:
    record = launched.record
    launch = Launch(
        campaign_id=record.campaign_id,
        state="dry_run" if is_dry and record.state != "refused" else record.state,
        users_chosen=record.users_chosen,
        users_treated=record.users_treated,
        users_held_out=record.users_held_out,
        expected_cost=record.expected_cost,
        messages_new=launched.messages_new,
        changed=launched.changed,
        reason=record.reason,
    )
    return replace(launch, messages=_previews(launched)) if is_dry else launch


def _previews(launched: Launching) -> tuple[Preview, ...]:
    return tuple(
        Preview(**{name: getattr(message, name) for name in Preview.__dataclass_fields__})
        for message in launched.messages
    )


def _sentence(launched: Launching, *, is_dry: bool) -> str:
    record = launched.record
    verb = "would be " if is_dry else ""
    text = (
        f"{record.campaign_id}: {verb}{record.state.replace('_', ' ')}, {record.users_treated:,} users "
        f"treated and {record.users_held_out:,} held out, {record.expected_cost:,.2f} expected cost, "
        f"{launched.messages_new:,} new messages"
    )
    return f"{text} ({record.reason})" if record.reason else text


__all__ = ["Launch", "Preview", "record_decisions"]
