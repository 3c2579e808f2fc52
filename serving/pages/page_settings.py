"""Settings of the pages, read once from the environment."""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from warehouse.errors import SettingsError

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-]+(:\d{1,5})?")


@dataclass(frozen=True)
class PageSettings:
    """How people come in, and who may show the pages inside their own.

    Attributes
    ----------
    session_hours : int
        Hours after which a person signs in again (``HOLDFAST_SESSION_HOURS``).
    sign_in_tries : int
        Wrong passwords in a row after which a name is locked (``HOLDFAST_SIGN_IN_TRIES``).
    lock_minutes : int
        For how long (``HOLDFAST_SIGN_IN_LOCK_MINUTES``).
    framed_by : tuple of str
        Origins whose pages may frame ours (``HOLDFAST_FRAMED_BY``): Airflow's UI on this machine.
    sso_header : str
        Header in which a proxy names the person it let in (``HOLDFAST_SSO_HEADER``); empty for none.
    sso_proxies : tuple of str
        Addresses from which that header is believed (``HOLDFAST_SSO_PROXIES``).
    secure_cookies : bool
        Send cookies over TLS only (``HOLDFAST_SECURE_COOKIES``): on behind a proxy that speaks TLS.
    """

    session_hours: int = 12
    sign_in_tries: int = 5
    lock_minutes: int = 15
    framed_by: tuple[str, ...] = ("http://127.0.0.1:8080", "http://localhost:8080")
    sso_header: str = ""
    sso_proxies: tuple[str, ...] = ()
    secure_cookies: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "PageSettings":
        """Read the settings.

        Raises
        ------
        SettingsError
            If a value cannot be used; the message names the variable.
        """
        env = os.environ if environment is None else environment
        header = env.get("HOLDFAST_SSO_HEADER", "").strip()
        if header and not re.fullmatch(r"[A-Za-z0-9\-]+", header):
            raise SettingsError(
                "HOLDFAST_SSO_HEADER is no name of a header", header, "for instance X-Forwarded-User"
            )
        proxies = tuple(env.get("HOLDFAST_SSO_PROXIES", "").replace(",", " ").split())
        for proxy in proxies:
            _check_address(proxy)
        if header and not proxies:
            raise SettingsError(
                "HOLDFAST_SSO_HEADER is set, and no proxy is named from which it is believed",
                header,
                "set HOLDFAST_SSO_PROXIES to the proxy's address, for instance 127.0.0.1",
            )
        return cls(
            session_hours=_count(env, "HOLDFAST_SESSION_HOURS", cls.session_hours),
            sign_in_tries=_count(env, "HOLDFAST_SIGN_IN_TRIES", cls.sign_in_tries),
            lock_minutes=_count(env, "HOLDFAST_SIGN_IN_LOCK_MINUTES", cls.lock_minutes),
            framed_by=_origins(env),
            sso_header=header,
            sso_proxies=proxies,
            secure_cookies=_is_on(env, "HOLDFAST_SECURE_COOKIES"),
        )


def _origins(env: Mapping[str, str]) -> tuple[str, ...]:
    text = env.get("HOLDFAST_FRAMED_BY")
    if text is None:
        return PageSettings.framed_by
    origins = tuple(text.replace(",", " ").split())
    for origin in origins:
        # anything else would end up in a header as it is
        if not _ORIGIN.fullmatch(origin):
            raise SettingsError(
                "HOLDFAST_FRAMED_BY takes origins",
                origin,
                "for instance http://127.0.0.1:8080; empty for nobody",
            )
    return origins


def _check_address(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        raise SettingsError(
            "HOLDFAST_SSO_PROXIES takes addresses of machines", text, "for instance 127.0.0.1"
        ) from error


def _count(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise SettingsError(
            f"{name} must be a whole number of at least 1", text, f"for instance {name}={default}"
        )
    return int(text)


def _is_on(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name) or "off"
    if text not in ("on", "off"):
        raise SettingsError(f"{name} must be on or off", text, f"for instance {name}=off")
    return text == "on"
