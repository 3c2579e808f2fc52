"""F2: 500, 429 with Retry-After, a hanging answer, 200 with an error in it, a batch that half succeeds."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.channels import channels_from_environment
from campaigns.relay import RelayRules
from tests.campaigns.channels.receivers import Answer, Got, receiver
from tests.campaigns.outboxes import NOW, SOURCE, ScriptedChannel, outbox, webhook
from tests.faults.providers import provider

RULES = RelayRules(batch=50, most_attempts=4)


@pytest.mark.parametrize(
    ("answer", "state", "tries"),
    [
        (Answer(500), "dead", 4),
        (Answer(503, headers={"Retry-After": "120"}), "dead", 4),
        (Answer(422), "dead", 1),
        (Answer(200, b'{"status": "rejected", "reason": "no"}'), "dead", 1),
    ],
)
def test_tries_are_bounded_and_end_in_a_dead_letter(
    tmp_path: Path, answer: Answer, state: str, tries: int
) -> None:
    with outbox(tmp_path) as box, provider() as faulty:
        (message,) = box.put("u1")
        faulty.fault = lambda _got, _before: (answer, False)
        channel = webhook(faulty.url)
        for _ in range(8):
            box.relay(channel, rules=RULES)
            box.now += timedelta(hours=3)
        channel.close()
        assert box.one("u1").state == state
        assert faulty.requests == {message.message_id: tries}
        assert faulty.accepted == {}


def test_a_provider_that_asks_for_quiet_gets_it(tmp_path: Path) -> None:
    with outbox(tmp_path) as box, provider() as busy:
        box.put("u1")
        busy.fault = lambda _got, before: (
            (Answer(429, headers={"Retry-After": "900"}), False) if not before else None
        )
        channel = webhook(busy.url)
        box.relay(channel)
        assert box.one("u1").next_attempt_at == NOW + timedelta(minutes=15)
        box.now += timedelta(minutes=14)
        box.relay(channel)
        assert sum(busy.requests.values()) == 1
        box.now += timedelta(minutes=1)
        assert box.relay(channel).sent == 1
        channel.close()


def test_a_hanging_provider_stops_neither_the_other_channels_nor_the_other_messages(tmp_path: Path) -> None:
    with outbox(tmp_path) as box, provider() as slow:
        box.put("slow", "fine")
        box.put("p1", channel="push")
        box.addresses(("p1", None, None, "token"))
        slow.fault = lambda got, _before: (
            (Answer(200, hang_seconds=30), True) if got.content["data"]["user_id"] == "slow" else None
        )
        channel, push = webhook(slow.url, answer_seconds=0.5), ScriptedChannel(name="push")
        box.relay(channel, push)
        assert box.states() == {"slow": "unknown", "fine": "sent", "p1": "sent"}
        slow.fault = lambda _got, _before: None
        box.now += timedelta(minutes=5)
        box.relay(channel)
        channel.close()
        assert box.one("slow").state == "sent"
        assert set(slow.accepted.values()) == {1}


def test_a_batch_that_half_succeeds_is_told_message_by_message(tmp_path: Path) -> None:
    said: dict[str, list[str]] = {}

    def half(got: Got) -> Answer:
        results = []
        for item in got.content["messages"]:
            number = int(item["to"].removeprefix("+49"))
            status = ("accepted", "rejected", "try_later")[number % 3]
            said.setdefault(status, []).append(item["idempotency_key"])
            results.append({"message_id": item["message_id"], "status": status, "reason": "as told"})
        return Answer(200, json.dumps({"results": results}).encode())

    with outbox(tmp_path) as box, receiver() as served:
        served.answer = half
        box.put(*[f"u{number}" for number in range(9)], channel="sms")
        box.addresses(*[(f"u{number}", None, f"+49{number}", None) for number in range(9)])
        environment = {
            "HOLDFAST_HOME": str(tmp_path),
            "HOLDFAST_SMS_URL": served.url,
            "HOLDFAST_PROVIDER_BATCH_SIZE": "9",
        }
        channel = channels_from_environment(environment)["sms"]
        box.relay(channel)
        assert {user: box.states()[user] for user in ("u0", "u1", "u2")} == {
            "u0": "sent",
            "u1": "dead",
            "u2": "pending",
        }
        assert box.counts() == {"sent": 3, "dead": 3, "pending": 3}
        served.answer = lambda got: Answer(
            200,
            json.dumps(
                {
                    "results": [
                        {"message_id": item["message_id"], "status": "accepted"}
                        for item in got.content.get("messages", [got.content])
                    ]
                }
            ).encode(),
        )
        box.now += timedelta(minutes=5)
        box.relay(channel)
        channel.close()
        again = json.loads(served.got[-1].body)
        keys = [item["idempotency_key"] for item in again["messages"]]
        assert sorted(keys) == sorted(said["try_later"])
        assert box.counts() == {"sent": 6, "dead": 3}
        assert len(box.ledger.messages(SOURCE, state="dead")) == 3
