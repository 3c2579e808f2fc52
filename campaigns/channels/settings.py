"""Where messages go: read once from the environment. What is not set is simply not there."""

import base64
import binascii
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr
from urllib.parse import SplitResult, unquote, urlsplit

from warehouse.errors import SettingsError

CONNECTIONS = 8
LOOPBACK = ("localhost", "127.0.0.1", "::1")
#: How the connection to the mail server is protected, by scheme, with the usual port.
SMTP_SCHEMES = {"smtp": ("starttls", 587), "smtps": ("tls", 465), "smtp+plain": ("none", 25)}
SECRET_PREFIX = "whsec_"  # noqa: S105  the prefix that the standard gives to every secret
# Standard Webhooks: a secret has 24 to 64 bytes
FEWEST_SECRET_BYTES, MOST_SECRET_BYTES = 24, 64


@dataclass(frozen=True)
class MailServer:
    """An SMTP server and who sends there.

    Attributes
    ----------
    protection : str
        `starttls`, `tls` or `none`.
    user, password : str
        Empty to send without logging in. Never shown.
    """

    host: str
    port: int
    protection: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


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
        mail_server = _mail_server(environment.get("HOLDFAST_SMTP_URL", "").strip())
        webhook_url = _web_address(environment, "HOLDFAST_WEBHOOK_URL")
        read = cls(
            mail_server=mail_server,
            sender=_sender(environment.get("HOLDFAST_EMAIL_FROM", "").strip()),
            unsubscribe_base=_web_address(environment, "HOLDFAST_UNSUBSCRIBE_URL"),
            shop_url=_web_address(environment, "HOLDFAST_SHOP_URL"),
            sms_url=_web_address(environment, "HOLDFAST_SMS_URL"),
            push_url=_web_address(environment, "HOLDFAST_PUSH_URL"),
            webhook_url=webhook_url,
            provider_token=_token(environment.get("HOLDFAST_PROVIDER_TOKEN", "").strip()),
            provider_batch_size=_number(environment, "HOLDFAST_PROVIDER_BATCH_SIZE", 1),
            connections=_number(environment, "HOLDFAST_PROVIDER_CONNECTIONS", CONNECTIONS),
            webhook_secrets=_secrets(environment.get("HOLDFAST_WEBHOOK_SECRET", "")),
        )
        needed = {
            "HOLDFAST_EMAIL_FROM": mail_server is not None and read.sender is None,
            "HOLDFAST_UNSUBSCRIBE_URL": mail_server is not None and not read.unsubscribe_base,
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


def _mail_server(text: str) -> MailServer | None:
    if not text:
        return None
    url = _parts(text)
    protection, port = SMTP_SCHEMES.get(url.scheme if url else "", ("", 0))
    if url is None or not protection or not url.hostname or url.path.strip("/") or url.query or url.fragment:
        raise SettingsError(
            "HOLDFAST_SMTP_URL is not the address of a mail server",
            None,
            "smtp://user:password@host:587 (STARTTLS), smtps://… (TLS) or smtp+plain://localhost:25",
        )
    user, password = unquote(url.username or ""), unquote(url.password or "")
    if protection == "none" and (user or password) and url.hostname not in LOOPBACK:
        raise SettingsError(
            "HOLDFAST_SMTP_URL would send a password over an open line", None, "use smtp:// or smtps://"
        )
    return MailServer(url.hostname, url.port or port, protection, user, password)


def _parts(text: str) -> SplitResult | None:
    try:
        url = urlsplit(text)
        url.port  # noqa: B018  reading it checks it
    except ValueError:
        return None
    return url


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


def _web_address(environment: Mapping[str, str], name: str) -> str:
    text = environment.get(name, "").strip()
    if not text:
        return ""
    url = _parts(text)
    readable = bool(url and url.hostname) and text.isascii() and not re.search(r"[\s<>\"\\]", text)
    if url is None or not readable or url.scheme not in ("http", "https"):
        raise SettingsError(
            f"{name} is not a web address", None, f"for instance {name}=https://example.org/x"
        )
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        # what is sent there names users, and a token goes along
        raise SettingsError(f"{name} must be reached over https", None, f"for instance {name}=https://…")
    return text


def _token(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]*", text):
        raise SettingsError(
            "HOLDFAST_PROVIDER_TOKEN holds a character that no header can carry", None, "copy it again"
        )
    return text


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "").strip() or str(default)
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text):
        raise SettingsError(
            f"{name} must be a whole number from 1 to 9999", text, f"leave it out for {default}"
        )
    return int(text)


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
