"""What reached the users of a home: what providers heard, and what stands on call lists."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from campaigns.policy import GLOBAL_CONTROL, load_policy
from closed_loop.receivers import arrivals_of
from sample_shop.clock import TIME_ZONE
from warehouse.ledger import Ledger
from warehouse.settings import Settings

LOG = "arrivals.jsonl"
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("message_id", "user_id")),
        ("sent_at", pa.timestamp("s")),
        *((name, pa.string()) for name in ("action", "channel", "campaign_id", "coupon_code")),
        ("face_value", pa.float64()),
        ("expires_on", pa.date32()),
        ("cost", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Reached:
    """Everything that arrived.

    Attributes
    ----------
    messages : pyarrow.Table
        One row per message; the columns that the simulated shop reads as interventions, and what it cost.
    repeated : int
        Messages that arrived more than once.
    misdirected : int
        Messages that arrived at an address of somebody else.
    protected : int
        Messages to users who were held out of that experiment, or of everything.
    """

    messages: pa.Table
    repeated: int
    misdirected: int
    protected: int


def read_reached(settings: Settings, ledger: Ledger) -> Reached:
    """Read the provider's log and the call lists of a home, and look up what each message was."""
    arrived: list[tuple[str, str, str, object]] = []
    zone = ZoneInfo(TIME_ZONE)
    for arrival in arrivals_of(settings.home / LOG):
        local = arrival.at.astimezone(zone).replace(tzinfo=None)
        arrived.append((arrival.message_id, arrival.channel, arrival.address, local))
    known = {message.message_id: message for message in ledger.messages(settings.source)}
    for path in sorted((settings.home / "lists" / settings.source / "calls").rglob("call_list.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            sent = known[row["message_id"]].sent_at
            called = (sent or known[row["message_id"]].created_at).astimezone(zone).replace(tzinfo=None)
            arrived.append((row["message_id"], "call", row["phone"], called))
    times = Counter(message_id for message_id, *_ in arrived)
    offers = load_policy(settings.dbt_project).offers
    coupons = {coupon.coupon_code: coupon for coupon in ledger.coupons(settings.source)}
    protected = _protected(ledger, settings.source)
    rows: dict[str, dict[str, object]] = {}
    misdirected = leaked = 0
    for message_id, channel, address, at in arrived:
        message = known[message_id]
        misdirected += address != _address(message.user_id, channel)
        leaked += bool(protected.get(message.user_id, set()) & {message.experiment_id, GLOBAL_CONTROL})
        if message_id in rows:
            continue
        coupon = coupons.get(message.coupon_code or "")
        rows[message_id] = {
            "message_id": message_id,
            "user_id": message.user_id,
            "sent_at": at,
            "action": message.action,
            "channel": channel,
            "campaign_id": message.campaign_id,
            "coupon_code": coupon.coupon_code if coupon else None,
            "face_value": offers[message.offer_id].face_value if coupon and message.offer_id else None,
            "expires_on": coupon.expires_on if coupon else None,
            "cost": message.cost,
        }
    return Reached(
        messages=pa.Table.from_pylist(list(rows.values()), schema=SCHEMA),
        repeated=sum(count > 1 for count in times.values()),
        misdirected=misdirected,
        protected=leaked,
    )


def interventions_file(path: Path) -> Path:
    """Return where a home keeps what reached its users."""
    return path / "interventions.parquet"


def _protected(ledger: Ledger, source: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in ledger.assignments(source):
        if one.arm != "treatment":
            found.setdefault(one.user_id, set()).add(one.experiment_id)
    return found


def _address(user_id: str, channel: str) -> str:
    """Return under which address the simulated world knows a user."""
    number = int(user_id[1:])
    if channel == "email":
        return f"user{number:07d}@example.com"
    if channel == "push":
        return f"push-{number:07d}"
    return f"+86 199{(number * 7919 + 13) % 10**8:08d}"
