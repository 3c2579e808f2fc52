"""Where messages go: read once from the environment. What is not set is simply not there."""

import base64
import binascii
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr

from warehouse.environment import MailServer, mail_server, web_address, whole_number
from warehouse.errors import SettingsError

CONNECTIONS = 8
SECRET_PREFIX = "whsec_"  # noqa: S105  the prefix that the standard gives to every secret
# Standard Webhooks: a secret has 24 to 64 bytes
FEWEST_SECRET_BYTES, MOST_SECRET_BYTES = 24, 64


@dataclass(frozen=True)
class ChannelSettings:
    """Every setting of the channels; empty or None where a channel is not wanted.

    Attributes
    ----------
    sender : Address or None
        Who e-mails come from; its display name is the shop's name in texts.
    unsubscribe_base : str
        The page that takes `?token=`.
    shop_url : str
        Where the button of an e-mail leads.
    provider_token : str
        What the SMS and push provider knows us by. Never shown.
    provider_batch_size : int
        Messages in one request to the provider; 1 for a request each.
    connections : int
        Requests under way at once to one receiver.
    webhook_secrets : tuple of bytes
        The keys that sign webhooks: the newest first, older ones while they are being replaced. Never shown.
    """

    mail_server: MailServer | None = None
    sender: Address | None = None
    unsubscribe_base: str = ""
    shop_url: str = ""
    # addresses may hold a secret
    sms_url: str = field(default="", repr=False)
    push_url: str = field(default="", repr=False)
    webhook_url: str = field(default="", repr=False)
    provider_token: str = field(default="", repr=False)
    provider_batch_size: int = 1
    connections: int = CONNECTIONS
    webhook_secrets: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ChannelSettings":
        """Read the settings of the channels.

        Raises
        ------
        SettingsError
            If a value cannot be used, or a channel lacks what it must have. Names the variable; what may
            hold a secret is not repeated.
        """
        server = mail_server(environment, "HOLDFAST_SMTP_URL")
        webhook_url = web_address(environment, "HOLDFAST_WEBHOOK_URL")
        read = cls(
            mail_server=server,
            sender=_sender(environment.get("HOLDFAST_EMAIL_FROM", "").strip()),
            unsubscribe_base=web_address(environment, "HOLDFAST_UNSUBSCRIBE_URL"),
            shop_url=web_address(environment, "HOLDFAST_SHOP_URL"),
            sms_url=web_address(environment, "HOLDFAST_SMS_URL"),
            push_url=web_address(environment, "HOLDFAST_PUSH_URL"),
            webhook_url=webhook_url,
            provider_token=_token(environment.get("HOLDFAST_PROVIDER_TOKEN", "").strip()),
            provider_batch_size=whole_number(environment, "HOLDFAST_PROVIDER_BATCH_SIZE", 1, most=9999),
            connections=whole_number(environment, "HOLDFAST_PROVIDER_CONNECTIONS", CONNECTIONS, most=9999),
            webhook_secrets=_secrets(environment.get("HOLDFAST_WEBHOOK_SECRET", "")),
        )
        needed = {
            "HOLDFAST_EMAIL_FROM": server is not None and read.sender is None,
            "HOLDFAST_UNSUBSCRIBE_URL": server is not None and not read.unsubscribe_base,
            "HOLDFAST_WEBHOOK_SECRET": bool(webhook_url) and not read.webhook_secrets,
        }
        for name, is_missing in needed.items():
            if is_missing:
                asked_by = "HOLDFAST_WEBHOOK_URL" if "WEBHOOK" in name else "HOLDFAST_SMTP_URL"
                raise SettingsError(
                    f"{asked_by} is set and {name} is not", None, f"set {name}, or take {asked_by} away"
                )
        return read


def tls_context() -> ssl.SSLContext:
    """Return what every protected connection is checked with: names and certificates are verified."""
    return ssl.create_default_context()


def _sender(text: str) -> Address | None:
    if not text:
        return None
    name, address = parseaddr(text)
    try:
        sender = Address(display_name=" ".join(name.split()), addr_spec=address)
        sender.addr_spec.encode("ascii")
    except (ValueError, IndexError, AttributeError):
        sender = Address()
    if not sender.username or not sender.domain or not text.isprintable():
        raise SettingsError(
            "HOLDFAST_EMAIL_FROM is not an e-mail address",
            text,
            'for instance "Our Shop <hello@example.org>"',
        )
    return sender


def _token(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]*", text):
        raise SettingsError(
            "HOLDFAST_PROVIDER_TOKEN holds a character that no header can carry", None, "copy it again"
        )
    return text


def _secrets(text: str) -> tuple[bytes, ...]:
    found = []
    for word in text.split():
        try:
            secret = base64.b64decode(word.removeprefix(SECRET_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if not word.startswith(SECRET_PREFIX) or not FEWEST_SECRET_BYTES <= len(secret) <= MOST_SECRET_BYTES:
            raise SettingsError(
                "HOLDFAST_WEBHOOK_SECRET is not a webhook secret",
                None,
                "whsec_ and the base64 of 24 to 64 random bytes; a second one after a space is taken, too",
            )
        found.append(secret)
    return tuple(found)
