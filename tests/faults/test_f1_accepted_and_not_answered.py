"""F1: the provider takes a message, the connection drops before the answer, and then the relay is killed."""

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.campaigns.channels.receivers import Answer
from tests.campaigns.outboxes import NOW, SOURCE, Outbox, outbox, webhook
from tests.faults.providers import DROPPED, Provider, provider
from warehouse.settings import REPOSITORY


def test_a_dropped_answer_is_tried_again_with_the_same_key_and_has_one_effect(tmp_path: Path) -> None:
    with outbox(tmp_path) as box, provider() as receiver:
        receiver.fault = lambda _got, before: (DROPPED, True) if before == 0 else None
        (message,) = box.put("u1")
        channel = webhook(receiver.url)
        box.relay(channel)
        unsure = box.one("u1")
        assert (unsure.state, unsure.sent_at) == ("unknown", NOW)
        assert [one.outcome for one in box.ledger.attempts_of(message.message_id)] == ["unknown"]
        box.now += timedelta(minutes=5)
        box.relay(channel)
        channel.close()
        assert box.one("u1").state == "sent"
        assert receiver.requests == {message.message_id: 2}
        assert receiver.accepted == {message.message_id: 1}
        bodies = {got.body for got in receiver.served.got}
        assert len(bodies) == 1


def test_a_relay_that_is_killed_after_sending_leaves_the_message_unknown_not_guessed(tmp_path: Path) -> None:
    with outbox(tmp_path) as box, provider() as receiver:
        now = datetime.now(UTC)
        users = [f"u{number}" for number in range(20)]
        box.put(*users, next_attempt_at=now, not_before=now, expires_at=now + timedelta(days=1))
        # everything is accepted, and nothing answered before the relay is dead
        receiver.fault = lambda _got, before: (Answer(hang_seconds=60), True)
        _killed_once_it_has_sent(box, receiver, tmp_path)
        receiver.served.let_go.set()
        assert set(box.states().values()) == {"claimed"}
        accepted = dict(receiver.accepted)
        assert accepted
        receiver.fault = lambda _got, _before: None
        box.now = now + timedelta(minutes=14)
        channel = webhook(receiver.url)
        assert str(box.relay(channel)) == "nothing was due"
        box.now = now + timedelta(minutes=16)
        assert box.relay(channel).sent == 20
        channel.close()
        assert set(box.states().values()) == {"sent"}
        assert set(receiver.accepted.values()) == {1}
        assert len(receiver.accepted) == 20
        assert all(receiver.requests[key] >= 2 for key in accepted)
        told = [box.ledger.attempts_of(one.message_id) for one in box.ledger.messages(SOURCE)]
        assert {tuple(one.outcome for one in attempts) for attempts in told} == {("unknown", "accepted")}


def _killed_once_it_has_sent(box: Outbox, receiver: Provider, home: Path) -> None:
    relay = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.campaigns.outboxes", str(home)),
            *(box.settings.ledger_url, receiver.url, "killed"),
        ],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not receiver.accepted and time.monotonic() < deadline:
        time.sleep(0.02)
    relay.send_signal(signal.SIGKILL)
    relay.wait()
    assert receiver.accepted
