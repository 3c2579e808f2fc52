"""The world's side of the doors keeps everything that arrives, and says thank you."""

import smtplib
from datetime import UTC, datetime
from pathlib import Path

import httpx

from closed_loop.receivers import arrivals_of, listening

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_what_is_posted_or_mailed_is_kept_with_its_moment_and_its_address(tmp_path: Path) -> None:
    with listening(tmp_path / "log.jsonl") as (receivers, doors):
        receivers.now = NOW
        message = {"message_id": "m1", "channel": "push", "to": "push-0000001", "text": "Hello"}
        answer = post(doors["HOLDFAST_PUSH_URL"], {"messages": [message]})
        assert answer == {"results": [{"message_id": "m1", "status": "accepted"}]}
        assert post(doors["HOLDFAST_SMS_URL"], message | {"channel": "sms"})["status"] == "accepted"
        host, port = doors["HOLDFAST_SMTP_URL"].removeprefix("smtp+plain://").split(":")
        with smtplib.SMTP(host, int(port)) as server:
            server.sendmail(
                "shop@shop.example", ["u@example.com"], "Message-ID: <m2@shop.example>\r\n\r\nHello"
            )
    kept = [(one.message_id, one.channel, one.address, one.at) for one in arrivals_of(tmp_path / "log.jsonl")]
    assert kept == [
        ("m1", "push", "push-0000001", NOW),
        ("m1", "sms", "push-0000001", NOW),
        ("m2", "email", "u@example.com", NOW),
    ]


def test_nothing_arrived_where_nothing_was_sent(tmp_path: Path) -> None:
    assert arrivals_of(tmp_path / "log.jsonl") == []


def post(url: str, content: dict[str, object]) -> dict[str, object]:
    found: dict[str, object] = httpx.post(url, json=content, timeout=10).raise_for_status().json()
    return found
