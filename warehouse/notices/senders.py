"""How a notice goes out: an e-mail, a post for a chat, a post for a machine. Each says why it failed."""

import hashlib
import json
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from warehouse.alarms import posted
from warehouse.environment import MailServer
from warehouse.notices.notice import Notice
from warehouse.notices.settings import Language, NoticeSettings, Receivers
from warehouse.notices.texts import say

TIMEOUT_SECONDS = 10.0
# of Slack's block kit
LONGEST_HEADER, LONGEST_SECTION = 150, 3_000


def send(channel: str, notice: Notice, source: str, settings: NoticeSettings) -> str | None:
    """Send a notice by one channel to its audience.

    Parameters
    ----------
    channel : str
        ``email``, ``slack`` or ``webhook``.
    notice : Notice
        What to say.
    source : str
        The shop.
    settings : NoticeSettings
        Where to.

    Returns
    -------
    str or None
        Why it failed, without any address in it; None if the receiver took it.
    """
    receivers = settings.receivers(notice.audience)
    if channel not in receivers.channels:
        return f"the channel {channel} is not set any more"
    if channel == "email":
        return _mailed(notice, source, settings, receivers)
    if channel == "slack":
        return posted(receivers.slack_url, _encoded(slack_body(notice, settings.language)))
    return posted(receivers.webhook_url, _encoded(webhook_body(notice, source)))


def plain_text(notice: Notice, language: Language) -> str:
    """Return a notice as lines of text, below its title."""
    lines = [f"- {line}" for line in notice.lines]
    if notice.more:
        lines.append(say("more", language, count=notice.more))
    return "\n".join([*lines, *(["", notice.link] if notice.link else [])])


def slack_body(notice: Notice, language: Language) -> dict[str, Any]:
    """Return a Slack-style message: a text for those who show no blocks, and blocks."""
    title = _escaped(notice.title)
    text = _escaped(plain_text(notice, language))
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": notice.title[:LONGEST_HEADER]}}
    ]
    if text:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text[:LONGEST_SECTION]}})
    return {"text": f"{title}\n{text}".strip(), "blocks": blocks}


def webhook_body(notice: Notice, source: str) -> dict[str, Any]:
    """Return a notice for a machine."""
    return {
        "source": source,
        "key": notice.key,
        "audience": notice.audience,
        "kind": notice.kind,
        "subject": notice.subject,
        "title": notice.title,
        "lines": list(notice.lines),
        "more": notice.more,
        "link": notice.link,
    }


def _encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _escaped(text: str) -> str:
    """Return a text in which Slack finds no link and no mention of its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mailed(notice: Notice, source: str, settings: NoticeSettings, receivers: Receivers) -> str | None:
    if settings.mail_server is None:
        return "there is no mail server"
    letter = EmailMessage(policy=SMTP)
    letter["From"] = settings.sender
    letter["To"] = ", ".join(receivers.email)
    letter["Subject"] = f"[{source}] {notice.title}"
    letter["Message-ID"] = f"<{hashlib.sha256(notice.key.encode()).hexdigest()[:32]}@holdfast>"
    letter["Auto-Submitted"] = "auto-generated"
    letter["Content-Language"] = settings.language
    letter.set_content(f"{notice.title}\n\n{plain_text(notice, settings.language)}\n", cte="quoted-printable")
    try:
        with _connected(settings.mail_server) as connection:
            refused = connection.send_message(letter)
    except smtplib.SMTPResponseException as error:
        return f"the mail server answered {error.smtp_code}"
    except (smtplib.SMTPException, OSError) as error:
        # a refusal of recipients would name them
        return f"the mail server could not be used ({type(error).__name__})"
    return f"the mail server refused {len(refused)} of the recipients" if refused else None


def _connected(server: MailServer) -> smtplib.SMTP:
    if server.protection == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context()
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
    try:
        if server.protection == "starttls":
            connection.starttls(context=ssl.create_default_context())
        if server.user:
            connection.login(server.user, server.password)
    except BaseException:
        connection.close()
        raise
    return connection
