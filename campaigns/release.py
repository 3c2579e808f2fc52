"""Letting launches go, or not: silence means that nothing is sent."""

from datetime import date, datetime

from warehouse.ledger import CampaignLaunch, Ledger, LedgerError, Run


def approve(
    ledger: Ledger,
    run: Run,
    *,
    decided_by: str,
    now: datetime,
    campaign_id: str | None = None,
    reason: str | None = None,
) -> int:
    """Release what waits of a run's day, and its messages with it; one transaction per campaign.

    Parameters
    ----------
    ledger : Ledger
        Is written.
    run : Run
        Its day is meant; the launches of several runs of a day are one.
    decided_by : str
        Who approves.
    now : datetime
        In UTC.
    campaign_id : str, optional
        Only this campaign.
    reason : str, optional
        In words.

    Returns
    -------
    int
        Messages that may go now.

    Raises
    ------
    LedgerError
        If the deadline has passed, of any of them: those expire. Or the campaign named does not wait.
    """
    return _decide_all(
        ledger, run, "released", decided_by=decided_by, now=now, campaign_id=campaign_id, reason=reason
    )


def reject(
    ledger: Ledger,
    run: Run,
    *,
    decided_by: str,
    now: datetime,
    campaign_id: str | None = None,
    reason: str | None = None,
) -> int:
    """Reject what waits of a run's day; returns how many messages are therefore never sent.

    Parameters and errors as of `approve`.
    """
    return _decide_all(
        ledger, run, "rejected", decided_by=decided_by, now=now, campaign_id=campaign_id, reason=reason
    )


def expire_approvals(ledger: Ledger, source: str, *, now: datetime) -> tuple[CampaignLaunch, ...]:
    """Let launches expire that nobody approved in time: nothing of them is sent."""
    return ledger.expire_launches(source, now)


def _decide_all(
    ledger: Ledger,
    run: Run,
    state: str,
    *,
    decided_by: str,
    now: datetime,
    campaign_id: str | None,
    reason: str | None,
) -> int:
    """Decide on every waiting launch of the day, also if one of them is refused."""
    if campaign_id is not None:
        wanted = [campaign_id]
    else:
        waiting = ledger.launches(run.source, as_of_date=run.as_of_date, state="awaiting_approval")
        wanted = sorted({launch.campaign_id for launch in waiting})
    held = {one: _held(ledger, run.source, run.as_of_date, one) for one in wanted}
    decided, refusal = 0, None
    for one in wanted:
        try:
            if ledger.decide_launch(
                run.source, run.as_of_date, one, state, decided_by=decided_by, at=now, reason=reason
            ):
                decided += held[one]
        except LedgerError as error:
            refusal = error
    if refusal is not None:
        raise refusal
    return decided


def _held(ledger: Ledger, source: str, as_of_date: date, campaign_id: str) -> int:
    counts = ledger.message_counts(source, as_of_date=as_of_date)
    return sum(
        count
        for (_, campaign, _, state), count in counts.items()
        if (campaign, state) == (campaign_id, "held")
    )
