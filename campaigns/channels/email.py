"""E-mail over SMTP: one connection per batch, one outcome per message."""

import re
import smtplib
import time
from collections.abc import Callable, Sequence
from email.headerregistry import Address

from campaigns.channels.channel import Message, Outcome
from campaigns.channels.frames import FrameMaker
from campaigns.channels.letters import Letter, write_letter
from campaigns.channels.settings import tls_context
from warehouse.environment import MailServer
from warehouse.errors import ContractBreach
from warehouse.ledger import Clock, utc_now

TIMEOUT_SECONDS = 20.0
#: What is not begun by then is left for later, so that a batch ends while whoever claimed it still holds it.
BATCH_SECONDS = 60.0
SERVICE_CLOSES = 421
#: "5.1.1" in "550 5.1.1 no such user": the one part of a server's words that cannot repeat an address.
ENHANCED_CODE = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}")


class EmailChannel:
    """Sends messages as e-mails through one SMTP server.

    Parameters
    ----------
    server : MailServer
        Where to, and how the line is protected: without the wanted protection the server gets nothing.
    sender : Address
        Who it is from.
    frames : FrameMaker
        Makes the links.
    clock : callable
        Gives the date of a letter.
    """

    name = "email"

    def __init__(
        self,
        server: MailServer,
        sender: Address,
        frames: FrameMaker,
        *,
        clock: Clock = utc_now,
        timeout_seconds: float = TIMEOUT_SECONDS,
        batch_seconds: float = BATCH_SECONDS,
    ) -> None:
        self._server = server
        self._sender = sender
        self._frames = frames
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._batch_seconds = batch_seconds

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """Send every message; one outcome each, in order."""
        ends = time.monotonic() + self._batch_seconds
        with _Line(self._connect) as line:
            return [self._send(line, message, ends) for message in messages]

    def _send(self, line: "_Line", message: Message, ends: float) -> Outcome:
        if time.monotonic() >= ends:
            return Outcome("try_later", detail="not tried: no time was left in this batch")
        try:
            letter = write_letter(message, self._sender, self._frames, self._clock())
        except ContractBreach as error:
            return Outcome("rejected", detail=str(error))
        return line.deliver(letter, self._sender.addr_spec)

    def _connect(self) -> smtplib.SMTP:
        """Return a connection on which mail may be sent."""
        server = self._server
        if server.protection == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout_seconds, context=tls_context()
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=self._timeout_seconds)
        try:
            if server.protection == "starttls":
                connection.starttls(context=tls_context())
            connection.ehlo_or_helo_if_needed()
            if server.user:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection


class _Line:
    """A connection that is made when it is needed, and made once more when it was lost."""

    def __init__(self, connect: Callable[[], smtplib.SMTP]) -> None:
        self._connect = connect
        self._connection: smtplib.SMTP | None = None
        self._failure: Outcome | None = None

    def __enter__(self) -> "_Line":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._connection is not None:
            try:
                self._connection.quit()
            except (smtplib.SMTPException, OSError):
                self._connection.close()

    def deliver(self, letter: Letter, sender: str) -> Outcome:
        """Send one letter; what the server says to it is its outcome."""
        connection = self._opened()
        if isinstance(connection, Outcome):
            return connection
        is_handed_over = False
        try:
            refusal = _announce(connection, letter, sender)
            if refusal is None:
                is_handed_over = True
                return self._after(*connection.data(letter.content))
        except smtplib.SMTPDataError as error:
            return self._after(error.smtp_code, error.smtp_error)
        except (smtplib.SMTPException, OSError) as error:
            self._hang_up()
            return _lost(error, is_handed_over=is_handed_over)
        return refusal if isinstance(refusal, Outcome) else self._after(*refusal)

    def _opened(self) -> smtplib.SMTP | Outcome:
        """Return the connection; a server that could not be reached is not tried again in this batch."""
        if self._failure is not None:
            return self._failure
        if self._connection is None:
            try:
                self._connection = self._connect()
            except (smtplib.SMTPException, OSError) as error:
                self._failure = _unreachable(error)
                return self._failure
        return self._connection

    def _after(self, code: int, words: bytes | str) -> Outcome:
        """Return what a final reply means, and make the connection ready for the next letter."""
        outcome = outcome_of_reply(code, words)
        if code == SERVICE_CLOSES:
            self._hang_up()
        elif outcome.kind != "accepted" and self._connection is not None:
            try:
                self._connection.rset()
            except (smtplib.SMTPException, OSError):
                self._hang_up()
        return outcome

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def outcome_of_reply(code: int, words: bytes | str) -> Outcome:
    """Return what a server's reply means: 2xx is accepted, 4xx may be tried later, the rest is refused.

    Of its words only an enhanced status code is kept: the rest may repeat the address.
    """
    found = ENHANCED_CODE.search(words if isinstance(words, bytes) else words.encode(errors="replace"))
    said = f"the mail server answered {code}{f' {found[0].decode()}' if found else ''}"
    if 200 <= code < 300:
        return Outcome("accepted", status_code=code, detail=said)
    return Outcome("try_later" if 400 <= code < 500 else "rejected", status_code=code, detail=said)


def _announce(connection: smtplib.SMTP, letter: Letter, sender: str) -> tuple[int, bytes] | Outcome | None:
    """Name sender and recipient; return the refusal, or None if the letter itself may follow."""
    options = []
    if letter.needs_smtputf8:
        if not connection.has_extn("smtputf8"):
            return Outcome("rejected", detail="the mail server takes no address outside ASCII")
        # smtplib then writes the address in UTF-8
        connection.command_encoding = "utf-8"
        options = ["SMTPUTF8"]
    else:
        connection.command_encoding = "ascii"
    code, words = connection.mail(sender, options)
    if code != 250:
        return code, words
    code, words = connection.rcpt(letter.recipient)
    return None if code in (250, 251) else (code, words)


def _lost(error: Exception, *, is_handed_over: bool) -> Outcome:
    cause = type(error).__name__
    if is_handed_over:
        return Outcome(
            "unknown", detail=f"the connection was lost after the letter was handed over ({cause})"
        )
    return Outcome("try_later", detail=f"the connection was lost before the letter was sent ({cause})")


def _unreachable(error: Exception) -> Outcome:
    code = error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else None
    detail = f"the mail server could not be used ({type(error).__name__})"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        detail = f"the mail server does not take our user and password ({code})"
    return Outcome("try_later", status_code=code, detail=detail)
