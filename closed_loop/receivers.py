"""The world's side of the doors: a mail server and an HTTP provider on loopback that keep what arrives."""

import email
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller


@dataclass(frozen=True)
class Arrival:
    """Something that arrived for a user.

    Attributes
    ----------
    message_id, channel, address : str
        As it was handed over; the address is what the user is known by out there.
    at : datetime
        The loop's own moment, in UTC.
    """

    message_id: str
    channel: str
    address: str
    at: datetime


class Receivers:
    """What a mail server and a provider heard, appended to a file as it arrives.

    Parameters
    ----------
    log : Path
        JSON Lines; one line per message that arrived, also if it arrived before.

    Attributes
    ----------
    now : datetime
        The moment that arrivals get; the loop moves it on.
    """

    def __init__(self, log: Path) -> None:
        self.now = datetime.min
        self._log = log
        self._lock = threading.Lock()

    def note(self, message_id: str, channel: str, address: str) -> None:
        """Keep one arrival."""
        arrival = {
            "message_id": message_id,
            "channel": channel,
            "address": address,
            "at": self.now.isoformat(),
        }
        with self._lock, self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(arrival) + "\n")


def arrivals_of(log: Path) -> list[Arrival]:
    """Return everything that arrived, in order of arrival."""
    if not log.exists():
        return []
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [Arrival(**(row | {"at": datetime.fromisoformat(row["at"])})) for row in rows]


@contextmanager
def listening(log: Path) -> Iterator[tuple[Receivers, dict[str, str]]]:
    """Listen on loopback; yields the receivers and the environment by which the channels find them."""
    receivers = Receivers(log)
    provider = ThreadingHTTPServer(("127.0.0.1", 0), _provider_of(receivers))
    thread = threading.Thread(target=provider.serve_forever, daemon=True)
    thread.start()
    mail = Controller(_Mailbox(receivers), hostname="127.0.0.1", port=_free_port())
    mail.start()
    url = f"http://127.0.0.1:{provider.server_address[1]}"
    try:
        yield (
            receivers,
            {
                "HOLDFAST_SMTP_URL": f"smtp+plain://127.0.0.1:{mail.port}",
                "HOLDFAST_SMS_URL": f"{url}/sms",
                "HOLDFAST_PUSH_URL": f"{url}/push",
            },
        )
    finally:
        mail.stop()
        provider.shutdown()
        provider.server_close()
        thread.join()


class _Mailbox:
    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        letter = email.message_from_bytes(envelope.content)
        message_id = str(letter["Message-ID"]).strip("<> ").split("@")[0]
        for recipient in envelope.rcpt_tos:
            self._receivers.note(message_id, "email", recipient)
        return "250 2.0.0 kept"


def _provider_of(receivers: Receivers) -> type[BaseHTTPRequestHandler]:
    class Provider(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            messages = body.get("messages", [body])
            for message in messages:
                receivers.note(message["message_id"], message["channel"], message["to"])
            results = [{"message_id": one["message_id"], "status": "accepted"} for one in messages]
            answer = json.dumps({"results": results} if "messages" in body else results[0]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing: what arrives is kept."""

    return Provider


def _free_port() -> int:
    with socket.socket() as looking:
        looking.bind(("127.0.0.1", 0))
        return int(looking.getsockname()[1])
