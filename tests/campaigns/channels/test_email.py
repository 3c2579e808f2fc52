"""E-mails through a real SMTP server on this machine."""

import re
import socket
from email.headerregistry import Address
from pathlib import Path
from typing import Any

import pytest

from campaigns.channels.email import EmailChannel
from campaigns.unsubscribe import unsubscribe_key, verify_token
from tests.campaigns.channels.mail_servers import mail_server
from tests.campaigns.channels.makers import CANARY, clock, frames, message
from warehouse.environment import MailServer

SENDER = Address("Lamps & More", "hello", "shop.example")


def channel(home: Path, port: int, protection: str = "none", **more: Any) -> EmailChannel:
    login = {name: more.pop(name) for name in ("user", "password") if name in more}
    server = MailServer("127.0.0.1", port, protection, **login)
    return EmailChannel(server, SENDER, frames(home), clock=clock, **more)


def named(*names: str) -> list[Any]:
    return [message(number, address=f"{name}@example.org") for number, name in enumerate(names)]


def test_a_letter_has_a_text_and_an_html_part_and_every_header(tmp_path: Path) -> None:
    sent = message(payload={**message().payload, "title": "Twenty off"}, user_id="u 1/ü")
    with mail_server() as box:
        (outcome,) = channel(tmp_path, box.port).send([sent])
    assert (outcome.kind, outcome.status_code) == ("accepted", 250)
    (letter,) = box.letters
    assert letter["From"].addresses == (SENDER,)
    assert (letter["To"], letter["Subject"]) == ("user1@example.org", "Twenty off")
    assert letter["Message-ID"] == f"<{sent.message_id}@shop.example>"
    assert letter["Content-Language"] == "en"
    text, html = (letter.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None and html is not None
    assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]
    for part in (text, html):
        content = part.get_content()
        assert "AB12CD34" in content and "14 July 2026" in content and "/unsubscribe?token=" in content


def test_the_unsubscribe_header_is_one_line_and_its_token_names_the_subscription(tmp_path: Path) -> None:
    sent = message(user_id="customer-" + "7" * 60)
    with mail_server() as box:
        channel(tmp_path, box.port).send([sent])
    found = re.search(
        rb"^List-Unsubscribe: <(https://shop\.example/unsubscribe\?token=\S+)>\r$", box.raw[0], re.M
    )
    assert found, box.raw[0][:1500]
    assert re.search(rb"^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r$", box.raw[0], re.M)
    token = found[1].decode().partition("token=")[2]
    subscription = verify_token(unsubscribe_key(tmp_path), token)
    assert (subscription.source, subscription.user_id, subscription.purpose) == (
        "shop",
        sent.user_id,
        "email",
    )


def test_a_second_attempt_is_the_same_letter(tmp_path: Path) -> None:
    with mail_server() as box:
        for attempts in (0, 1):
            channel(tmp_path, box.port).send([message(attempts=attempts)])
    assert box.raw[0] == box.raw[1]


def test_every_recipient_gets_the_outcome_of_its_own_reply_over_one_connection(tmp_path: Path) -> None:
    with mail_server() as box:
        outcomes = channel(tmp_path, box.port).send(named("a", "busy", "gone", "greylisted", "spam", "b"))
        assert box.connections == 1
    assert [(outcome.kind, outcome.status_code) for outcome in outcomes] == [
        ("accepted", 250),
        ("try_later", 450),
        ("rejected", 550),
        ("try_later", 451),
        ("rejected", 554),
        ("accepted", 250),
    ]
    assert box.recipients == ["a@example.org", "b@example.org"]


def test_a_connection_lost_after_the_letter_is_unknown_and_the_others_go_on(tmp_path: Path) -> None:
    with mail_server() as box:
        outcomes = channel(tmp_path, box.port).send(named("a", "dropped", "b"))
    assert [outcome.kind for outcome in outcomes] == ["accepted", "unknown", "accepted"]
    assert box.recipients == ["a@example.org", "dropped@example.org", "b@example.org"]
    assert box.connections == 2


@pytest.mark.parametrize("name", ["droppedearly", "closing"])
def test_a_connection_lost_before_the_letter_may_be_tried_later(tmp_path: Path, name: str) -> None:
    with mail_server() as box:
        outcomes = channel(tmp_path, box.port).send(named("a", name, "b"))
    assert [outcome.kind for outcome in outcomes] == ["accepted", "try_later", "accepted"]
    assert box.recipients == ["a@example.org", "b@example.org"]


def test_a_server_that_is_not_there_lets_all_wait_and_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        tried = []
        connect = socket.create_connection

        def counted(address: Any, *rest: Any, **more: Any) -> Any:
            tried.append(address)
            return connect(address, *rest, **more)

        monkeypatch.setattr(socket, "create_connection", counted)
        outcomes = channel(tmp_path, taken.getsockname()[1]).send(named("a", "b", "c"))
    assert {outcome.kind for outcome in outcomes} == {"try_later"}
    assert len(tried) == 1


def test_a_server_that_says_nothing_does_not_hold_a_batch_up(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        outcomes = channel(tmp_path, silent.getsockname()[1], timeout_seconds=0.3).send(named("a", "b"))
    assert [outcome.kind for outcome in outcomes] == ["try_later", "try_later"]


def test_what_is_not_begun_in_time_is_left_for_later(tmp_path: Path) -> None:
    with mail_server() as box:
        outcomes = channel(tmp_path, box.port, batch_seconds=0.0).send(named("a"))
    assert [(outcome.kind, outcome.detail[:9]) for outcome in outcomes] == [("try_later", "not tried")]
    assert box.recipients == []


@pytest.mark.parametrize("protection", ["tls", "starttls"])
def test_the_line_is_encrypted_before_the_login(
    tmp_path: Path, protection: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with mail_server(certificate, tls=protection, auth=True) as box:
        right = channel(tmp_path, box.port, protection, user="shop", password="right")
        assert [outcome.kind for outcome in right.send(named("a"))] == ["accepted"]
        wrong = channel(tmp_path, box.port, protection, user="shop", password=CANARY)
        (outcome,) = wrong.send(named("b"))
    assert set(box.logins) == {b"right", CANARY.encode()}
    assert outcome.kind == "try_later"
    assert "does not take our user and password" in outcome.detail
    assert CANARY not in repr(outcome) + repr(wrong.__dict__)


def test_a_server_whose_certificate_is_not_trusted_gets_nothing(tmp_path: Path, certificate: Path) -> None:
    with mail_server(certificate, tls="starttls") as box:
        (outcome,) = channel(tmp_path, box.port, "starttls").send(named("a"))
    assert (outcome.kind, box.recipients) == ("try_later", [])


def test_a_server_without_starttls_gets_nothing(tmp_path: Path) -> None:
    with mail_server() as box:
        (outcome,) = channel(tmp_path, box.port, "starttls").send(named("a"))
    assert (outcome.kind, box.recipients) == ("try_later", [])


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "nobody",
        "a@b",
        "a@example.org, b@example.org",
        "a@example.org\r\nRCPT TO:<b@example.org>",
        "a@example.org\nBcc: b@example.org",
        "<a@example.org>",
        "a b@example.org",
        "a@exa mple.org",
        "a\u202e@example.org",
        "x" * 250 + "@example.org",
    ],
)
def test_what_is_not_exactly_one_address_is_rejected_and_not_repeated(
    tmp_path: Path, address: str | None
) -> None:
    with mail_server() as box:
        bad, good = channel(tmp_path, box.port).send([message(1, address=address), message(2)])
    assert (bad.kind, good.kind) == ("rejected", "accepted")
    assert box.recipients == ["user2@example.org"]
    assert "example.org" not in bad.detail and "RCPT" not in bad.detail


@pytest.mark.parametrize(
    "title",
    ["Hi\r\nBcc: b@example.org", "Hi\nBcc: b@example.org", "Hi\u2028Bcc: b@example.org", "Hi\x00\x85x"],
)
def test_no_header_can_be_smuggled_in(tmp_path: Path, title: str) -> None:
    payload = {**message().payload, "title": title, "text": "line\r\n.\r\nDATA"}
    with mail_server() as box:
        (outcome,) = channel(tmp_path, box.port).send(
            [message(payload=payload, campaign_id="c\r\nX-Evil: 1")]
        )
        (again,) = channel(tmp_path, box.port).send([message(2)])
    assert (outcome.kind, again.kind) == ("accepted", "accepted")
    letter = box.letters[0]
    assert letter["Bcc"] is None and letter["X-Evil"] is None
    assert letter["Subject"].startswith("Hi")
    assert len(box.letters) == 2


def test_an_address_outside_ascii_is_written_as_the_server_can_take_it(tmp_path: Path) -> None:
    with mail_server() as box:
        outcomes = channel(tmp_path, box.port).send(
            [message(1, address="anna@bücher.example"), message(2, address="用户@例子.example"), message(3)]
        )
    assert [outcome.kind for outcome in outcomes] == ["accepted"] * 3
    assert box.recipients == ["anna@xn--bcher-kva.example", "用户@xn--fsqu00a.example", "user3@example.org"]


def test_a_message_without_a_text_is_rejected_alone(tmp_path: Path) -> None:
    with mail_server() as box:
        outcomes = channel(tmp_path, box.port).send([message(1, action="service_call"), message(2)])
    assert [outcome.kind for outcome in outcomes] == ["rejected", "accepted"]
    assert "service_call" in outcomes[0].detail
