"""What a person sees of campaigns on the command line; no address, no coupon code of a user."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from campaigns.record import Launch, Preview
from warehouse.ledger import CampaignLaunch, Ledger, OutboxMessage

STATES = ("held", "pending", "claimed", "unknown", "sent", "dead", "suppressed", "expired", "cancelled")
DAYS_SHOWN = 7
REASONS_SHOWN = 10


def status(ledger: Ledger, source: str) -> str:
    """Return launches that wait, messages by day and state, why some were not sent, budgets, blocks."""
    launches = ledger.launches(source)
    counts = ledger.message_counts(source)
    parts = [
        _waiting([one for one in launches if one.state == "awaiting_approval"]),
        _days(launches, counts),
        _reasons(ledger, source, counts),
        _budgets(ledger, source),
        _blocks(ledger, source),
    ]
    return "\n\n".join(part for part in parts if part) or f"No campaign of {source} was recorded yet"


def dry_run(launches: Sequence[Launch], *, top: int) -> str:
    """Return what would be sent to whom, the first of each campaign."""
    if not launches:
        return "Nobody was chosen for anything: nothing would be sent"
    return "\n\n".join(_launch(launch, top) for launch in launches)


def dead_letters(letters: Sequence[OutboxMessage], ledger: Ledger, *, top: int) -> str:
    """Return messages that were given up, why, and how often they were tried."""
    if not letters:
        return "No dead letters"
    lines = [f"{len(letters):,} dead letters"]
    for letter in letters[:top]:
        may_have = ", may have arrived" if letter.sent_at else ""
        lines.append(
            f"  {letter.message_id}  {letter.as_of_date}  {letter.campaign_id}  {letter.channel}  "
            f"user {letter.user_id}: {letter.attempts} attempts{may_have}; {letter.failure}"
        )
        lines += [
            f"      {one.at:%Y-%m-%d %H:%M:%S} {one.outcome}"
            f"{f' {one.status_code}' if one.status_code else ''}  {one.detail}"
            for one in ledger.attempts_of(letter.message_id)[-3:]
        ]
    if len(letters) > top:
        lines.append(f"  and {len(letters) - top:,} more (--top)")
    return "\n".join(lines)


def _waiting(launches: Sequence[CampaignLaunch]) -> str:
    lines = [
        f"  {one.as_of_date}  {one.campaign_id:<20} {one.users_treated:>9,} users {one.expected_cost:>12,.2f}"
        f"  until {_moment(one.deadline_at)}"
        for one in launches
    ]
    return "\n".join(["Waiting for approval (python -m campaigns approve|reject)", *lines]) if lines else ""


def _days(launches: Sequence[CampaignLaunch], counts: dict[tuple[date, str, str, str], int]) -> str:
    states = {(one.as_of_date, one.campaign_id): one.state for one in launches}
    by_line: dict[tuple[date, str, str], Counter[str]] = defaultdict(Counter)
    for (day, campaign_id, channel, state), count in counts.items():
        by_line[day, campaign_id, channel][state] += count
    shown = sorted({day for day, _, _ in by_line})[-DAYS_SHOWN:]
    lines = []
    for (day, campaign_id, channel), found in sorted(by_line.items()):
        if day in shown:
            told = "  ".join(f"{found[state]:,} {state}" for state in STATES if found[state])
            launch = states.get((day, campaign_id), "")
            lines.append(f"  {day}  {campaign_id:<20} {channel:<8} {launch:<18} {told}")
    return "\n".join([f"Messages of the last {len(shown)} days", *lines]) if lines else ""


def _reasons(ledger: Ledger, source: str, counts: dict[tuple[date, str, str, str], int]) -> str:
    if not any(state in ("suppressed", "dead", "unknown") for _, _, _, state in counts):
        return ""
    newest = max(day for day, _, _, _ in counts)
    lines = [
        f"  {count:>9,} {state}: {reason}"
        for (state, reason), count in ledger.message_reasons(source, as_of_date=newest)[:REASONS_SHOWN]
    ]
    return "\n".join([f"Not sent, of {newest}", *lines]) if lines else ""


def _budgets(ledger: Ledger, source: str) -> str:
    lines = [
        f"  {one.campaign_id:<20} {one.spent:>12,.2f} of {one.budget:>12,.2f}"
        for one in ledger.coupon_budgets(source)
    ]
    return "\n".join(["Planned for coupons", *lines]) if lines else ""


def _blocks(ledger: Ledger, source: str) -> str:
    found = Counter((one.purpose, one.reason) for one in ledger.contact_blocks(source))
    lines = [f"  {count:>9,} {purpose}: {reason}" for (purpose, reason), count in sorted(found.items())]
    return "\n".join(["Users who must not be contacted", *lines]) if lines else ""


def _launch(launch: Launch, top: int) -> str:
    lines = [
        f"{launch.campaign_id}: {launch.state.replace('_', ' ')}",
        f"  {launch.users_treated:,} users treated, {launch.users_held_out:,} held out, "
        f"{launch.messages_new:,} new messages, expected cost {launch.expected_cost:,.2f}",
    ]
    lines += [f"  {launch.reason}"] if launch.reason else []
    lines += [f"  changed since recorded, the first stands: {key}" for key in launch.changed[:top]]
    lines += [f"  {_preview(message)}" for message in launch.messages[:top]]
    if len(launch.messages) > top:
        lines.append(f"  and {len(launch.messages) - top:,} more (--top)")
    return "\n".join(lines)


def _preview(message: Preview) -> str:
    why = f" ({message.failure})" if message.failure else ""
    return (
        f"to {message.user_id} by {message.channel}: {message.offer_id or message.action}, "
        f"{message.state}{why}, from {_moment(message.not_before)}"
    )


def _moment(moment: datetime | None) -> str:
    return "no end" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
