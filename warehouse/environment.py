"""Values of environment variables, checked: every room's settings are read with these.

A value that cannot be used raises `SettingsError`, which names the variable. What may hold a secret is not
repeated in it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from warehouse.errors import SettingsError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
# How the connection to a mail server is protected, by scheme, with the usual port.
SMTP_SCHEMES = {"smtp": ("starttls", 587), "smtps": ("tls", 465), "smtp+plain": ("none", 25)}


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


def whole_number(
    env: Mapping[str, str], name: str, default: int, *, fewest: int = 1, most: int | None = None
) -> int:
    """Return a whole number within its limits; the default where the variable is empty or not there."""
    text = env.get(name, "").strip() or str(default)
    is_number = text.isascii() and text.isdecimal()
    if not is_number or int(text) < fewest or (most is not None and int(text) > most):
        limits = f"of at least {fewest}" if most is None else f"from {fewest} to {most}"
        raise SettingsError(f"{name} must be a whole number {limits}", text, f"for instance {name}={default}")
    return int(text)


def one_of(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """Return one of some words; the first where the variable is empty or not there."""
    text = env.get(name, "").strip() or choices[0]
    if text not in choices:
        raise SettingsError(f"{name} must be {' or '.join(choices)}", text, f"{name}={choices[0]}")
    return text


def switch(env: Mapping[str, str], name: str, *, off: str) -> bool:
    """Return whether something is on; off where the variable is empty or not there, which `off` explains."""
    text = env.get(name, "").strip() or "off"
    if text not in ("on", "off"):
        raise SettingsError(f"{name} must be on or off", text, f"{name}=off {off}")
    return text == "on"


def web_address(env: Mapping[str, str], name: str, *, is_open_allowed: bool = False) -> str:
    """Return a web address; empty where there is none. Not over plain http, unless to this machine."""
    text = env.get(name, "").strip()
    if not text:
        return ""
    url = _parts(text)
    is_readable = bool(url and url.hostname) and text.isascii() and not re.search(r"[\s<>\"\\]", text)
    if url is None or not is_readable or url.scheme not in ("http", "https"):
        raise SettingsError(
            f"{name} is not a web address", None, f"for instance {name}=https://example.org/x"
        )
    if url.scheme == "http" and url.hostname not in LOOPBACK and not is_open_allowed:
        # what is sent there may name users, and a token goes along
        raise SettingsError(f"{name} must be reached over https", None, f"for instance {name}=https://…")
    return text


def mail_server(env: Mapping[str, str], name: str) -> MailServer | None:
    """Return a mail server; None where there is none. A password never goes over an open line."""
    text = env.get(name, "").strip()
    if not text:
        return None
    url = _parts(text)
    protection, port = SMTP_SCHEMES.get(url.scheme if url else "", ("", 0))
    if url is None or not protection or not url.hostname or url.path.strip("/") or url.query or url.fragment:
        raise SettingsError(
            f"{name} is not the address of a mail server",
            None,
            "smtp://user:password@host:587 (STARTTLS), smtps://… (TLS) or smtp+plain://localhost:25",
        )
    user, password = unquote(url.username or ""), unquote(url.password or "")
    if protection == "none" and (user or password) and url.hostname not in LOOPBACK:
        raise SettingsError(
            f"{name} would send a password over an open line", None, "use smtp:// or smtps://"
        )
    return MailServer(url.hostname, url.port or port, protection, user, password)


def _parts(text: str) -> SplitResult | None:
    try:
        url = urlsplit(text)
        url.port  # noqa: B018  reading it checks it
    except ValueError:
        return None
    return url
