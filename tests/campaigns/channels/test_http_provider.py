"""SMS and push messages to a real HTTP receiver on this machine."""

import json
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from campaigns.channels.channel import Message
from campaigns.channels.http_provider import HttpProvider
from campaigns.channels.posting import Poster
from tests.campaigns.channels.makers import CANARY, NOW, clock, frames, message
from tests.campaigns.channels.receivers import Answer, Got, Receiver, receiver

PHONE = "+8613800138000"


@pytest.fixture
def provider() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def sms(number: int = 1, **changes: Any) -> Message:
    key = f"shop:win_back:2026-06-30:u{number}:sms"
    return message(number, **{"channel": "sms", "address": PHONE, "idempotency_key": key, **changes})


def channel(home: Path, url: str, name: str = "sms", *, batch_size: int = 1, **more: Any) -> HttpProvider:
    token = {"Authorization": f"Bearer {CANARY}"}
    return HttpProvider(name, Poster(url, token, clock=clock, **more), frames(home), batch_size=batch_size)


def sent(home: Path, provider: Receiver, *messages: Message, **more: Any) -> list[Any]:
    made = channel(home, provider.url, **more)
    try:
        return list(made.send(messages))
    finally:
        made.close()


def test_an_sms_is_posted_with_its_key_and_our_token(tmp_path: Path, provider: Receiver) -> None:
    provider.answer = lambda _: Answer(body=b'{"id": "SM-1", "status": "queued"}')
    (outcome,) = sent(tmp_path, provider, sms())
    assert (outcome.kind, outcome.reference, outcome.status_code) == ("accepted", "SM-1", 200)
    (got,) = provider.got
    assert got.headers["Idempotency-Key"] == sms().idempotency_key
    assert got.headers["Authorization"] == f"Bearer {CANARY}"
    assert got.headers["Content-Type"] == "application/json"
    text = got.content.pop("text")
    assert text.startswith("Lamps & More: ¥20 off your next order\nCode AB12CD34")
    assert "Stop: https://shop.example/unsubscribe?token=" in text
    assert {name: value for name, value in got.content.items() if name != "text"} == {
        "message_id": sms().message_id,
        "idempotency_key": sms().idempotency_key,
        "channel": "sms",
        "to": PHONE,
        "language": "en",
        "campaign_id": "win_back",
    }


def test_a_push_message_has_a_title_and_a_text(tmp_path: Path, provider: Receiver) -> None:
    sent(tmp_path, provider, sms(channel="push", address="token-1", language="zh"), name="push")
    content = provider.got[0].content
    assert (content["to"], content["language"], content["title"]) == ("token-1", "zh", "下次下单立减 ¥20")
    assert content["text"].startswith("优惠码 AB12CD34")


@pytest.mark.parametrize(
    ("answer", "kind", "wait"),
    [
        (Answer(200, b""), "accepted", None),
        (Answer(202, b'{"id": "1"}'), "accepted", None),
        (Answer(200, b'{"error": "invalid_number"}'), "rejected", None),
        (Answer(200, b'{"error": {"code": "21211", "message": "bad number"}}'), "rejected", None),
        (Answer(200, b'{"status": "failed"}'), "rejected", None),
        (Answer(200, b'{"success": false}'), "rejected", None),
        (Answer(200, b'{"errors": ["x"], "retryable": true}'), "try_later", None),
        (Answer(200, b'{"status": "throttled", "retry_after_seconds": 7}'), "try_later", 7.0),
        (Answer(200, b'{"status": "perhaps"}'), "unknown", None),
        (Answer(200, b"<html>welcome</html>"), "unknown", None),
        (Answer(200, b"[]"), "unknown", None),
        (Answer(302, b"", {"Location": "/elsewhere"}), "rejected", None),
        (Answer(400), "rejected", None),
        (Answer(404), "rejected", None),
        (Answer(422), "rejected", None),
        (Answer(401), "try_later", None),
        (Answer(409), "try_later", None),
        (Answer(429, b"", {"Retry-After": "120"}), "try_later", 120.0),
        (
            Answer(503, b"", {"Retry-After": format_datetime(NOW + timedelta(minutes=5), usegmt=False)}),
            "try_later",
            300.0,
        ),
        (Answer(429, b"", {"Retry-After": "Tue, 30 Jun 2026 09:01:00 GMT"}), "try_later", 60.0),
        (Answer(429, b"", {"Retry-After": "Tue, 30 Jun 2026 08:00:00 GMT"}), "try_later", 0.0),
        (Answer(429, b"", {"Retry-After": "99999999"}), "try_later", 86_400.0),
        (Answer(429, b"", {"Retry-After": "soon"}), "try_later", None),
        (Answer(500), "try_later", None),
        (Answer(502), "try_later", None),
    ],
    ids=lambda value: f"{value.status} {value.body!r}" if isinstance(value, Answer) else str(value),
)
def test_each_answer_has_its_meaning(
    tmp_path: Path, provider: Receiver, answer: Answer, kind: str, wait: float | None
) -> None:
    provider.answer = lambda _: answer
    (outcome,) = sent(tmp_path, provider, sms())
    assert (outcome.kind, outcome.retry_after_seconds) == (kind, wait)
    assert outcome.status_code == answer.status
    assert len(provider.got) == 1


@pytest.mark.parametrize("answer", [Answer(0), Answer(200, b'{"id"', cut=True), Answer(hang_seconds=5)])
def test_no_whole_answer_is_unknown_and_the_next_attempt_bears_the_same_key(
    tmp_path: Path, provider: Receiver, answer: Answer
) -> None:
    provider.answer = lambda _: answer if len(provider.got) == 1 else Answer()
    first = sent(tmp_path, provider, sms(), answer_seconds=0.4)
    second = sent(tmp_path, provider, sms(attempts=1))
    assert [outcome.kind for outcome in (*first, *second)] == ["unknown", "accepted"]
    assert provider.got[0].headers["Idempotency-Key"] == provider.got[1].headers["Idempotency-Key"]
    assert provider.got[0].body == provider.got[1].body


@pytest.mark.parametrize(
    "answer",
    [Answer(body=b" " * 2_000_000), Answer(body=b" " * 100, drip_seconds=0.05)],
    ids=["long", "slow"],
)
def test_an_answer_without_end_does_not_hold_a_sender(
    tmp_path: Path, provider: Receiver, answer: Answer
) -> None:
    provider.answer = lambda _: answer
    started = time.monotonic()
    assert [outcome.kind for outcome in sent(tmp_path, provider, sms(), answer_seconds=0.5)] == ["unknown"]
    assert time.monotonic() - started < 3


def test_a_receiver_that_is_not_there_may_be_tried_later(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        made = channel(tmp_path, f"http://127.0.0.1:{taken.getsockname()[1]}/")
        (outcome,) = made.send([sms()])
        made.close()
    assert (outcome.kind, outcome.detail) == ("try_later", "no connection (ConnectError)")


def test_one_that_hangs_does_not_block_the_others(tmp_path: Path, provider: Receiver) -> None:
    slow = [sms(number).message_id for number in (1, 2)]
    provider.answer = lambda got: Answer(hang_seconds=5.0 * (got.content["message_id"] in slow))
    outcomes = sent(tmp_path, provider, *(sms(number) for number in range(1, 21)), answer_seconds=1.0)
    assert [outcome.kind for outcome in outcomes] == ["unknown"] * 2 + ["accepted"] * 18


def test_what_is_not_begun_in_time_is_left_for_later(tmp_path: Path, provider: Receiver) -> None:
    outcomes = sent(tmp_path, provider, sms(1), sms(2), batch_seconds=0.0)
    assert [outcome.kind for outcome in outcomes] == ["try_later"] * 2
    assert provider.got == []


def test_connections_are_kept(tmp_path: Path, provider: Receiver) -> None:
    made = channel(tmp_path, provider.url, connections=4)
    for _ in range(3):
        made.send([sms(number) for number in range(10)])
    made.close()
    assert len(provider.got) == 30
    assert 1 <= provider.connections <= 4


def test_a_batch_gives_each_message_its_own_result(tmp_path: Path, provider: Receiver) -> None:
    messages = [sms(number) for number in range(5)]
    results = [
        {"message_id": messages[3].message_id, "status": "try_later", "retry_after_seconds": 30},
        {"idempotency_key": messages[1].idempotency_key, "status": "rejected", "code": "invalid_number"},
        {"message_id": messages[0].message_id, "status": "accepted", "id": "SM-0"},
        {"message_id": messages[4].message_id, "status": "accepted"},
        {"message_id": messages[4].message_id, "status": "rejected"},
        {"message_id": "somebody else's", "status": "accepted"},
        "nonsense",
    ]
    provider.answer = lambda _: Answer(207, json.dumps({"results": results}).encode())
    outcomes = sent(tmp_path, provider, *messages, batch_size=10)
    assert [outcome.kind for outcome in outcomes] == [
        "accepted",
        "rejected",
        "unknown",
        "try_later",
        "unknown",
    ]
    assert (outcomes[0].reference, outcomes[3].retry_after_seconds) == ("SM-0", 30.0)
    assert "invalid_number" in outcomes[1].detail
    (got,) = provider.got
    assert [item["to"] for item in got.content["messages"]] == [PHONE] * 5


def test_batches_are_as_large_as_the_provider_takes_and_repeat_their_key(
    tmp_path: Path, provider: Receiver
) -> None:
    def each(got: Got) -> Answer:
        results = [{"message_id": item["message_id"], "status": "ok"} for item in got.content["messages"]]
        return Answer(body=json.dumps({"results": results}).encode())

    provider.answer = each
    messages = [sms(number) for number in range(7)]
    for _ in range(2):
        assert {one.kind for one in sent(tmp_path, provider, *messages, batch_size=3)} == {"accepted"}
    assert sorted(len(got.content["messages"]) for got in provider.got) == [1, 1, 3, 3, 3, 3]
    keys = [got.headers["Idempotency-Key"] for got in provider.got]
    assert len(set(keys)) == 3 and sorted(keys[:3]) == sorted(keys[3:])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200, b'{"error": "quota", "retryable": true}'), "try_later"),
        (Answer(200, b'{"error": "bad"}'), "rejected"),
        (Answer(200, b'{"results": "none"}'), "unknown"),
        (Answer(200, b""), "unknown"),
        (Answer(500), "try_later"),
        (Answer(0), "unknown"),
    ],
)
def test_a_batch_that_fails_as_a_whole_fails_for_each(
    tmp_path: Path, provider: Receiver, answer: Answer, kind: str
) -> None:
    provider.answer = lambda _: answer
    outcomes = sent(tmp_path, provider, sms(1), sms(2), batch_size=10)
    assert [outcome.kind for outcome in outcomes] == [kind] * 2


@pytest.mark.parametrize("refusal", [Answer(400), Answer(200, b'{"error": "invalid batch"}')])
def test_one_that_a_provider_cannot_take_does_not_take_its_batch_down(
    tmp_path: Path, provider: Receiver, refusal: Answer
) -> None:
    def all_or_nothing(got: Got) -> Answer:
        ids = [item["message_id"] for item in got.content["messages"]]
        if sms(2).message_id in ids:
            return refusal
        return Answer(
            body=json.dumps({"results": [{"message_id": one, "status": "ok"} for one in ids]}).encode()
        )

    provider.answer = all_or_nothing
    outcomes = sent(tmp_path, provider, *(sms(number) for number in range(6)), batch_size=4)
    assert [outcome.kind for outcome in outcomes] == ["accepted"] * 2 + ["rejected"] + ["accepted"] * 3
    assert sorted(len(got.content["messages"]) for got in provider.got) == [1, 1, 1, 1, 2, 4]


def test_a_message_without_address_or_text_is_rejected_alone(tmp_path: Path, provider: Receiver) -> None:
    outcomes = sent(
        tmp_path, provider, sms(1, address=None), sms(2), sms(3, action="none"), sms(4, payload={})
    )
    assert [outcome.kind for outcome in outcomes] == ["rejected", "accepted", "rejected", "rejected"]
    assert len(provider.got) == 1


def test_what_a_provider_says_is_kept_only_where_it_is_a_code(tmp_path: Path, provider: Receiver) -> None:
    provider.answer = lambda got: Answer(
        body=json.dumps(
            {"error": {"code": f"bad-{got.content['to'][1:]}", "message": got.content["to"]}, "id": PHONE[1:]}
        ).encode()
    )
    (outcome,) = sent(tmp_path, provider, sms())
    assert outcome.kind == "rejected"
    assert PHONE[1:] not in repr(outcome)


def test_a_key_that_no_header_can_carry_is_hashed(tmp_path: Path, provider: Receiver) -> None:
    sent(tmp_path, provider, sms(idempotency_key="shop:c:2026-06-30:用户\r\nX-Evil: 1:sms"))
    (got,) = provider.got
    assert len(got.headers["Idempotency-Key"]) == 64
    assert "X-Evil" not in got.headers
