"""Whom to tell, by which channel and in which language: read once from the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Literal, cast
from urllib.parse import SplitResult, unquote, urlsplit

from warehouse.errors import SettingsError

Language = Literal["en", "zh"]
#: How the line to the mail server is protected, by scheme, with the usual port.
SMTP_SCHEMES = {"smtp": ("starttls", 587), "smtps": ("tls", 465), "smtp+plain": ("none", 25)}
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class MailLine:
    """An SMTP server; user and password are empty to send without logging in."""

    host: str
    port: int
    protection: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Receivers:
    """Where one audience is told; what is empty is not used. Addresses may hold a secret."""

    email: tuple[str, ...] = field(default=(), repr=False)
    slack_url: str = field(default="", repr=False)
    webhook_url: str = field(default="", repr=False)

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that are set."""
        named = {"email": self.email, "slack": self.slack_url, "webhook": self.webhook_url}
        return tuple(name for name, where in named.items() if where)


@dataclass(frozen=True)
class NoticeSettings:
    """Every setting of notices.

    Attributes
    ----------
    engineers, service : Receivers
        Data engineers, who mend the line; the service team, who look after users.
    sender : str
        Who e-mails come from.
    dashboard_url : str
        Where links lead; empty for none.
    names_users : bool
        Whether a notice names users by their pseudonymous id; else it only counts them.
    details : int
        At most so many users or lines in one message.
    quiet_hours : int
        A failure that comes again within these hours is counted, and told with the next one after them.
    """

    engineers: Receivers = Receivers()
    service: Receivers = Receivers()
    mail_line: MailLine | None = None
    sender: str = ""
    language: Language = "en"
    dashboard_url: str = ""
    names_users: bool = True
    details: int = 10
    quiet_hours: int = 6

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "NoticeSettings":
        """Read the settings of notices.

        Raises
        ------
        SettingsError
            If a value cannot be used, or e-mail is wanted without a server and a sender. Names the
            variable; what may hold a secret is not repeated.
        """
        env = os.environ if environment is None else environment
        read = cls(
            engineers=Receivers(
                _addresses(env, "HOLDFAST_NOTICE_ENGINEERS_EMAIL"),
                _web_address(env, "HOLDFAST_NOTICE_ENGINEERS_SLACK_URL"),
                _web_address(env, "HOLDFAST_NOTICE_ENGINEERS_WEBHOOK_URL"),
            ),
            service=Receivers(
                _addresses(env, "HOLDFAST_NOTICE_SERVICE_EMAIL"),
                _web_address(env, "HOLDFAST_NOTICE_SERVICE_SLACK_URL"),
                _web_address(env, "HOLDFAST_NOTICE_SERVICE_WEBHOOK_URL"),
            ),
            mail_line=_mail_line(env.get("HOLDFAST_NOTICE_SMTP_URL", "").strip()),
            sender=next(iter(_addresses(env, "HOLDFAST_NOTICE_EMAIL_FROM")), ""),
            language=cast(Language, _one_of(env, "HOLDFAST_NOTICE_LANGUAGE", ("en", "zh"))),
            dashboard_url=_web_address(env, "HOLDFAST_NOTICE_DASHBOARD_URL").rstrip("/"),
            names_users=_one_of(env, "HOLDFAST_NOTICE_USERS", ("ids", "counts")) == "ids",
            details=_number(env, "HOLDFAST_NOTICE_DETAILS", 10),
            quiet_hours=_number(env, "HOLDFAST_NOTICE_QUIET_HOURS", 6),
        )
        if (read.engineers.email or read.service.email) and not (read.mail_line and read.sender):
            raise SettingsError(
                "Notices are to go out by e-mail, and there is no server or no sender",
                None,
                "set HOLDFAST_NOTICE_SMTP_URL and HOLDFAST_NOTICE_EMAIL_FROM, or take the addresses away",
            )
        return read

    def receivers(self, audience: str) -> Receivers:
        """Return where an audience is told.

        Raises
        ------
        ValueError
            If there is no such audience.
        """
        if audience not in ("engineers", "service"):
            raise ValueError(f"there is no audience {audience!r}: engineers or service")
        return self.engineers if audience == "engineers" else self.service


def _addresses(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    found = []
    for text in re.split(r",\s*(?![^<]*>)", env.get(name, "").strip()):
        if not text:
            continue
        try:
            address = Address(addr_spec=parseaddr(text)[1])
            is_one = bool(address.username and address.domain) and text.isprintable()
        except (ValueError, IndexError, AttributeError):
            is_one = False
        if not is_one:
            raise SettingsError(
                f"{name} holds what is no e-mail address", None, "a@example.org, b@example.org"
            )
        found.append(address.addr_spec)
    return tuple(found)


def _parts(text: str) -> SplitResult | None:
    try:
        url = urlsplit(text)
        url.port  # noqa: B018  reading it checks it
    except ValueError:
        return None
    return url


def _web_address(env: Mapping[str, str], name: str) -> str:
    text = env.get(name, "").strip()
    if not text:
        return ""
    url = _parts(text)
    is_readable = bool(url and url.hostname) and text.isascii() and not re.search(r"[\s<>\"\\]", text)
    if url is None or not is_readable or url.scheme not in ("http", "https"):
        raise SettingsError(
            f"{name} is not a web address", None, f"for instance {name}=https://example.org/x"
        )
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        raise SettingsError(f"{name} must be reached over https", None, f"for instance {name}=https://…")
    return text


def _mail_line(text: str) -> MailLine | None:
    if not text:
        return None
    url = _parts(text)
    protection, port = SMTP_SCHEMES.get(url.scheme if url else "", ("", 0))
    if url is None or not protection or not url.hostname or url.path.strip("/") or url.query:
        raise SettingsError(
            "HOLDFAST_NOTICE_SMTP_URL is not the address of a mail server",
            None,
            "smtp://user:password@host:587 (STARTTLS), smtps://… (TLS) or smtp+plain://localhost:25",
        )
    user, password = unquote(url.username or ""), unquote(url.password or "")
    if protection == "none" and (user or password) and url.hostname not in LOOPBACK:
        raise SettingsError(
            "HOLDFAST_NOTICE_SMTP_URL would send a password over an open line",
            None,
            "use smtp:// or smtps://",
        )
    return MailLine(url.hostname, url.port or port, protection, user, password)


def _one_of(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    text = env.get(name, "").strip() or choices[0]
    if text not in choices:
        raise SettingsError(f"{name} must be {' or '.join(choices)}", text, f"{name}={choices[0]}")
    return text


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "").strip() or str(default)
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text):
        raise SettingsError(f"{name} must be a whole number from 1 to 999", text, f"{name}={default}")
    return int(text)
