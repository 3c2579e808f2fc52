"""F4: a user in three campaigns, caps by the user's own day, senders at once, midnight in Shanghai."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from campaigns.claiming import claim_messages
from campaigns.policy import load_policy
from campaigns.relay import RelayRules
from tests.campaigns.outboxes import NOW, SOURCE, Outbox, ScriptedChannel, outbox
from tests.faults.providers import provider
from tests.faults.relay_processes import ended, fresh_times, start_relays
from tests.warehouse.conftest import postgres_server
from tests.warehouse.publish.tiny_build import fast_home
from warehouse.ledger import DeliveryAttempt
from warehouse.ledger.claim_book import Result
from warehouse.settings import REPOSITORY

__all__ = ["postgres_server"]
CAMPAIGNS = ("recommendation", "education", "community")
USERS = [f"u{number}" for number in range(40)]
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture(params=["sqlite", "postgresql"])
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outbox]:
    url = ""
    if request.param == "postgresql":
        import psycopg

        url = request.getfixturevalue("postgres_server")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("drop schema public cascade; create schema public")
    with outbox(tmp_path, url) as made:
        yield made


def test_four_relays_and_three_campaigns_reach_each_user_once(box: Outbox, tmp_path: Path) -> None:
    for campaign_id in CAMPAIGNS:
        box.put(*USERS, campaign_id=campaign_id, **fresh_times())
    with provider() as receiver:
        sent = ended(start_relays(box, tmp_path, receiver.url, number=4))
        users = Counter(got.content["data"]["user_id"] for got in receiver.served.got)
    assert users == dict.fromkeys(USERS, 1)
    assert sum(sent) == len(USERS)
    waiting = box.ledger.messages(SOURCE, state="pending")
    assert {one.failure for one in waiting} == {"contacted_recently"}
    assert len(waiting) == 2 * len(USERS)


def test_the_users_own_day_decides_when_a_monthly_cap_lets_go(tmp_path: Path) -> None:
    # four text messages in 30 days; at 15:59 UTC it is a minute to midnight in Shanghai
    with outbox(tmp_path) as box:
        box.addresses(("u1", None, "+86 1", None))
        midnight = datetime(2026, 6, 30, 16, 0, tzinfo=UTC)
        zone = {"channel": "sms", "time_zone": "Asia/Shanghai", "expires_at": midnight + timedelta(days=90)}
        for place, days in enumerate((29, 20, 10, 5)):
            at = midnight - timedelta(days=days, minutes=1)
            box.put("u1", campaign_id=f"past{place}", state="sent", sent_at=at, **zone)
        box.put("u1", **zone)
        channel = ScriptedChannel(name="sms")
        box.now = midnight - timedelta(hours=4)
        box.relay(channel)
        assert channel.handed == []
        # the oldest is of 1 June there: it leaves the window on 1 July, whose sending hours begin at 8:00
        (waits,) = box.ledger.messages(SOURCE, state="pending")
        assert waits.next_attempt_at.astimezone(SHANGHAI) == datetime(2026, 7, 1, 8, 0, tzinfo=SHANGHAI)
        box.now = waits.next_attempt_at
        assert box.relay(channel).sent == 1


@pytest.fixture(scope="module")
def shared() -> Iterator[Outbox]:
    """Return one outbox for all interleavings; each is a shop of its own in it."""
    with fast_home() as home, outbox(home) as made:
        yield made


SHOPS = count()


# shrinking a failure takes minutes; the steps that failed are told as they are
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 2),  # which sender
            st.integers(1, 5),  # how many messages it looks at
            st.sampled_from(["accepted", "unknown", "try_later", "dies"]),
            st.integers(0, 14),  # hours that pass before
        ),
        min_size=5,
        max_size=25,
    )
)
def test_no_interleaving_of_senders_breaks_a_cap(
    shared: Outbox, steps: list[tuple[int, int, str, int]]
) -> None:
    box, source = shared, f"shop_{next(SHOPS)}"
    box.now = NOW
    policy = load_policy(REPOSITORY / "dbt_project")
    rule = replace(policy.contacts["webhook"], hours_between=0, most_in_30_days=2)
    policy = replace(policy, contacts={**policy.contacts, "webhook": rule})
    gap = timedelta(hours=policy.contacts["any"].hours_between)
    reached: dict[str, dict[str, datetime]] = {user: {} for user in USERS[:3]}
    zone = {"source": source, "time_zone": "Asia/Shanghai", "expires_at": box.now + timedelta(days=60)}
    for campaign_id in CAMPAIGNS:
        box.put(*USERS[:3], campaign_id=campaign_id, **zone)
    held: list[tuple[str, list[tuple[str, int]], str]] = []
    for sender, size, outcome, hours in steps:
        box.now += timedelta(hours=hours)
        claimed = claim_messages(
            box.ledger,
            policy,
            lambda _channel, _users: {},
            source=source,
            channel="webhook",
            worker=f"sender-{sender}",
            now=box.now,
            limit=size,
            lease=RelayRules().lease,
        )
        for message, _ in claimed.messages:
            # whatever the answer will be, the user may have been reached now
            if outcome != "try_later":
                reached[message.user_id].setdefault(message.message_id, box.now)
        batch = [(message.message_id, message.attempts + 1) for message, _ in claimed.messages]
        held.append((f"sender-{sender}", batch, outcome))
        if len(held) > 2:
            _tell(box, *held.pop(0))
    for user, moments in reached.items():
        times = sorted(moments.values())
        assert len(times) <= rule.most_in_30_days, (user, times)
        assert all(later - earlier >= gap for earlier, later in pairwise(times))


def _tell(box: Outbox, worker: str, batch: list[tuple[str, int]], outcome: str) -> None:
    """Record an answer that comes after other senders have claimed; one that died tells nothing."""
    states = {"accepted": "sent", "unknown": "unknown", "try_later": "pending"}
    if outcome in states:
        box.ledger.record_results(
            [
                Result(
                    DeliveryAttempt(message_id, attempt, box.now, outcome),
                    states[outcome],
                    box.now,
                    sent_at=None if outcome == "try_later" else box.now,
                )
                for message_id, attempt in batch
            ],
            worker,
        )
