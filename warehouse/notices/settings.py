"""Whom to tell, by which channel and in which language: read once from the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Literal, cast

from warehouse.environment import MailServer, mail_server, one_of, web_address, whole_number
from warehouse.errors import SettingsError

Language = Literal["en", "zh"]


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
    mail_server: MailServer | None = None
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
                web_address(env, "HOLDFAST_NOTICE_ENGINEERS_SLACK_URL"),
                web_address(env, "HOLDFAST_NOTICE_ENGINEERS_WEBHOOK_URL"),
            ),
            service=Receivers(
                _addresses(env, "HOLDFAST_NOTICE_SERVICE_EMAIL"),
                web_address(env, "HOLDFAST_NOTICE_SERVICE_SLACK_URL"),
                web_address(env, "HOLDFAST_NOTICE_SERVICE_WEBHOOK_URL"),
            ),
            mail_server=mail_server(env, "HOLDFAST_NOTICE_SMTP_URL"),
            sender=next(iter(_addresses(env, "HOLDFAST_NOTICE_EMAIL_FROM")), ""),
            language=cast(Language, one_of(env, "HOLDFAST_NOTICE_LANGUAGE", ("en", "zh"))),
            dashboard_url=web_address(env, "HOLDFAST_NOTICE_DASHBOARD_URL").rstrip("/"),
            names_users=one_of(env, "HOLDFAST_NOTICE_USERS", ("ids", "counts")) == "ids",
            details=whole_number(env, "HOLDFAST_NOTICE_DETAILS", 10, most=999),
            quiet_hours=whole_number(env, "HOLDFAST_NOTICE_QUIET_HOURS", 6, most=999),
        )
        if (read.engineers.email or read.service.email) and not (read.mail_server and read.sender):
            raise SettingsError(
                "Notices are to go out by e-mail, and there is no server or no sender",
                None,
                "set HOLDFAST_NOTICE_SMTP_URL and HOLDFAST_NOTICE_EMAIL_FROM, or take the addresses away",
            )
        return read

    def page(self, name: str) -> str:
        """Return the address of a page of the dashboard; empty where nobody said where it is."""
        return f"{self.dashboard_url}/{name}" if self.dashboard_url else ""

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
