"""No address, token or secret in a log, an outcome or an error, whatever a provider does."""

import base64
import io
import logging
import sys
import traceback
from collections.abc import Iterator
from email.headerregistry import Address
from pathlib import Path
from urllib.parse import quote

import pytest

from campaigns.channels import channels_from_environment
from campaigns.channels.email import EmailChannel
from tests.campaigns.channels.mail_servers import mail_server
from tests.campaigns.channels.makers import CANARY, clock, frames, message
from tests.campaigns.channels.receivers import Answer, receiver
from warehouse.environment import MailServer

TOKEN, PATH = f"token-{CANARY}", f"path-{CANARY}"
PHONE = "+8613800138000"
SECRET = f"whsec_{base64.b64encode(CANARY.encode() * 2).decode()}"
NEVER = (CANARY, PHONE[1:], SECRET[6:])


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Return everything that anything logs, at every level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    # what the server of the test itself logs is not ours
    handler.addFilter(lambda record: record.name != "mail.log")
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, f'{{"error": "{PHONE} {CANARY}", "id": "{CANARY}"}}'.encode()),
        Answer(500, CANARY.encode(), {"X-Echo": CANARY}),
        Answer(401, CANARY.encode()),
        Answer(0),
    ],
    ids=["error", "500", "401", "dropped"],
)
def test_http_channels_leak_nothing(tmp_path: Path, answer: Answer, logged: io.StringIO) -> None:
    with receiver() as provider:
        provider.answer = lambda _: answer
        url = f"{provider.url}/{PATH}"
        environment = {
            "HOLDFAST_HOME": str(tmp_path),
            "HOLDFAST_SMS_URL": url,
            "HOLDFAST_PUSH_URL": url,
            "HOLDFAST_WEBHOOK_URL": url,
            "HOLDFAST_WEBHOOK_SECRET": SECRET,
            "HOLDFAST_PROVIDER_TOKEN": TOKEN,
        }
        channels = channels_from_environment(environment, clock=clock)
        assert set(channels) == {"sms", "push", "webhook"}
        outcomes = [
            channel.send([message(channel=name, address=address)])
            for name, channel in channels.items()
            for address in (PHONE, CANARY)
        ]
        logging.getLogger("here").debug("the log is read")
        assert len(provider.got) == 6
        for channel in channels.values():
            channel.close()  # type: ignore[attr-defined]
    assert "the log is read" in logged.getvalue()
    told = logged.getvalue() + repr(outcomes) + repr(channels)
    assert not [secret for secret in NEVER if secret in told]


def test_e_mail_leaks_nothing(tmp_path: Path, logged: io.StringIO) -> None:
    names = ["gone", "busy", "spam", "dropped", "closing", "droppedearly", f"x {CANARY}", "ok"]
    with mail_server() as box:
        server = MailServer("127.0.0.1", box.port, "none", "shop", CANARY)
        for user in ("shop", ""):
            channel = EmailChannel(
                MailServer(server.host, server.port, "none", user, CANARY),
                Address("Shop", "hello", "shop.example"),
                frames(tmp_path),
                clock=clock,
            )
            outcomes = channel.send(
                [message(n, address=f"{name}@{CANARY}.example") for n, name in enumerate(names)]
            )
    logging.getLogger("here").debug("the log is read")
    assert "the log is read" in logged.getvalue()
    told = logged.getvalue() + repr(outcomes) + repr(server) + repr(message(address=CANARY))
    assert {outcome.kind for outcome in outcomes} == {"rejected", "try_later", "unknown", "accepted"}
    assert CANARY not in told and quote(CANARY) not in told


def test_a_fault_of_our_own_shows_no_address_in_its_traceback(tmp_path: Path) -> None:
    channels = channels_from_environment(
        {"HOLDFAST_HOME": str(tmp_path), "HOLDFAST_SMS_URL": "http://127.0.0.1:9/x"}, clock=clock
    )
    broken = message(channel="sms", address=CANARY, payload=None)
    try:
        channels["sms"].send([broken])
    except AttributeError:
        assert CANARY not in "".join(traceback.format_exception(*sys.exc_info()))
    else:
        pytest.fail("a message without a payload must be noticed")
    finally:
        channels["sms"].close()  # type: ignore[attr-defined]
