"""Signed webhooks to a real HTTP receiver on this machine."""

import base64
import hashlib
import hmac
from collections.abc import Iterator

import pytest

from campaigns.channels.posting import Poster
from campaigns.channels.webhook import WebhookChannel, signature
from tests.campaigns.channels.makers import NOW, clock, message
from tests.campaigns.channels.receivers import Answer, Receiver, receiver

NEW, OLD = b"n" * 32, b"o" * 32


@pytest.fixture
def tool() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def channel(tool: Receiver) -> Iterator[WebhookChannel]:
    made = WebhookChannel(Poster(tool.url, {}, clock=clock), [NEW, OLD], clock=clock)
    yield made
    made.close()


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    made = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_can_check_either_key_and_knows_the_message_again(
    tool: Receiver, channel: WebhookChannel
) -> None:
    sent = message(channel="webhook", address=None)
    for attempts in (0, 1):
        (outcome,) = channel.send([sent])
        assert (outcome.kind, outcome.status_code) == ("accepted", 200), attempts
    first, second = tool.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == sent.message_id
    assert first.body == second.body
    assert first.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    signed = f"{sent.message_id}.{int(NOW.timestamp())}.".encode() + first.body
    expected = [
        f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}" for key in (NEW, OLD)
    ]
    assert first.headers["webhook-signature"].split(" ") == expected


def test_the_body_says_what_was_decided_and_holds_no_address(tool: Receiver, channel: WebhookChannel) -> None:
    channel.send([message(channel="webhook", address="a@example.org", language="zh")])
    (got,) = tool.got
    assert got.content["type"] == "campaign.message"
    assert got.content["data"] == {
        "message_id": message().message_id,
        "idempotency_key": message().idempotency_key,
        "user_id": "u1",
        "campaign_id": "win_back",
        "action": "coupon",
        "language": "zh",
        "payload": dict(message().payload),
    }
    assert b"example.org" not in got.body


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(204, b""), "accepted"),
        (Answer(200, b"thank you"), "accepted"),
        (Answer(200, b'{"error": "unknown user"}'), "rejected"),
        (Answer(410), "rejected"),
        (Answer(500), "try_later"),
        (Answer(0), "unknown"),
    ],
)
def test_any_2xx_is_accepted_unless_it_names_an_error(
    tool: Receiver, channel: WebhookChannel, answer: Answer, kind: str
) -> None:
    tool.answer = lambda _: answer
    assert [outcome.kind for outcome in channel.send([message()])] == [kind]
