"""C7: four relays at once on one outbox; each message is claimed once, and the provider sees one key once."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.channels.receivers import Answer
from tests.campaigns.outboxes import SOURCE, Outbox, outbox
from tests.faults.providers import Provider, provider
from tests.faults.relay_processes import ended, fresh_times, start_relays
from tests.warehouse.conftest import postgres_server

__all__ = ["postgres_server"]
MESSAGES = 300


@pytest.fixture(params=["sqlite", "postgresql"])
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outbox]:
    url = ""
    if request.param == "postgresql":
        import psycopg

        url = request.getfixturevalue("postgres_server")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("drop schema public cascade; create schema public")
    with outbox(tmp_path, url) as made:
        made.put(*[f"u{number}" for number in range(MESSAGES)], **fresh_times())
        yield made


@pytest.fixture
def receiver() -> Iterator[Provider]:
    with provider() as made:
        yield made


def test_four_relays_send_each_message_once(box: Outbox, receiver: Provider, tmp_path: Path) -> None:
    # slow enough that no relay has sent everything before the others have begun
    receiver.fault = lambda _got, _before: (Answer(200, b"{}", hang_seconds=0.1), True)
    sent = ended(start_relays(box, tmp_path, receiver.url, number=4))
    assert sum(sent) == MESSAGES
    assert sum(count > 0 for count in sent) >= 2
    keys = {one.message_id for one in box.ledger.messages(SOURCE)}
    assert receiver.requests == dict.fromkeys(keys, 1)
    assert box.counts() == {"sent": MESSAGES}
    assert {one.attempts for one in box.ledger.messages(SOURCE)} == {1}


def test_relays_that_are_killed_leave_nothing_unsent_and_nobody_gets_two(
    box: Outbox, receiver: Provider, tmp_path: Path
) -> None:
    receiver.fault = lambda _got, _before: (Answer(200, b"{}", hang_seconds=0.1), True)
    relays = start_relays(box, tmp_path, receiver.url, number=4, lease=2.0)
    deadline = time.monotonic() + 60
    while len(receiver.accepted) < MESSAGES // 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    for relay in relays[:2]:
        relay.send_signal(signal.SIGKILL)
        relay.communicate()
    ended(relays[2:])
    receiver.fault = lambda _got, _before: None
    deadline = time.monotonic() + 60
    while set(box.counts()) != {"sent"} and time.monotonic() < deadline:
        time.sleep(1.0)
        ended(start_relays(box, tmp_path, receiver.url, number=2, lease=2.0))
    assert box.counts() == {"sent": MESSAGES}
    assert len(receiver.accepted) == MESSAGES
    assert set(receiver.accepted.values()) == {1}
    assert set(receiver.requests) == set(receiver.accepted)
    # every request beyond the first was of a claim that a killed relay had held, with the same body
    bodies: dict[str, set[bytes]] = {}
    whole = [got for got in receiver.served.got if len(got.body) == int(got.headers["Content-Length"])]
    for got in whole:
        bodies.setdefault(got.headers["webhook-id"], set()).add(got.body)
    assert {len(one) for one in bodies.values()} == {1}
