"""A real SMTP server on this machine that does to each recipient what its name asks for."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

#: What the server answers to RCPT, by the name before the @.
TO_RECIPIENT = {
    "busy": "450 4.2.1 <{address}> mailbox busy, try later",
    "gone": "550 5.1.1 <{address}> no such user",
    "closing": "421 4.3.2 service shuts down",
}
#: And to the letter itself.
TO_LETTER = {
    "greylisted": "451 4.7.1 <{address}> greylisted",
    "spam": "554 5.7.1 <{address}> refused as spam",
}


class Box:
    """Keeps what was accepted, and counts connections."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.recipients: list[str] = []
        self.connections = 0
        self.port = 0
        self.logins: list[bytes] = []

    # the library calls these two by the names of the commands: hence the letters
    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        name = address.partition("@")[0]
        if name == "droppedearly":
            server.transport.abort()
        if name in TO_RECIPIENT:
            return TO_RECIPIENT[name].format(address=address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        (address,) = envelope.rcpt_tos
        name = address.partition("@")[0]
        if name in TO_LETTER:
            return TO_LETTER[name].format(address=address)
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self.raw.append(content)
        parsed = message_from_bytes(content, policy=SMTP_POLICY)
        assert isinstance(parsed, EmailMessage)
        self.letters.append(parsed)
        self.recipients.append(address)
        if name == "dropped":
            # accepted, and the answer never arrives
            server.transport.abort()
        return "250 2.0.0 OK queued"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.password)
        return AuthResult(success=data.password == b"right", handled=False)


@contextmanager
def mail_server(certificate: Path | None = None, *, tls: str = "none", auth: bool = False) -> Iterator[Box]:
    """Serve on a free port until the block ends; yields the server's box, which knows the port."""
    box = Box()
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    options: dict[str, Any] = {"hostname": "127.0.0.1", "enable_SMTPUTF8": True}
    if tls == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    if auth:
        # the server knows only STARTTLS for encryption, and warns where a login is required without it
        over_starttls = tls == "starttls"
        options |= {
            "authenticator": box.authenticate,
            "auth_required": over_starttls,
            "auth_require_tls": over_starttls,
        }
    loop = asyncio.new_event_loop()

    sessions: list[SMTP] = []

    def connected() -> SMTP:
        box.connections += 1
        sessions.append(SMTP(box, loop=loop, **options))
        return sessions[-1]

    over_tls = context if tls == "tls" else None
    server = loop.run_until_complete(loop.create_server(connected, "127.0.0.1", 0, ssl=over_tls))
    box.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield box
    finally:
        asyncio.run_coroutine_threadsafe(_ended(server, sessions), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _ended(server: asyncio.Server, sessions: list[SMTP]) -> None:
    server.close()
    for session in sessions:
        if session.transport is not None:
            session.transport.abort()
    await asyncio.sleep(0)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
