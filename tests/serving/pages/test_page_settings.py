"""Settings of the pages are checked where they are read."""

import pytest

from serving.pages.page_settings import PageSettings
from warehouse.errors import SettingsError


def test_nothing_set_means_passwords_airflow_on_this_machine_and_twelve_hours() -> None:
    settings = PageSettings.from_environment({})
    assert settings == PageSettings()
    assert settings.sso_header == ""
    assert settings.session_hours == 12
    assert settings.framed_by == ("http://127.0.0.1:8080", "http://localhost:8080")


def test_nobody_may_frame_the_pages_where_the_setting_is_empty() -> None:
    assert PageSettings.from_environment({"HOLDFAST_FRAMED_BY": ""}).framed_by == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOLDFAST_FRAMED_BY", "https://shop.example; script-src *"),
        ("HOLDFAST_FRAMED_BY", "*"),
        ("HOLDFAST_SSO_HEADER", "X User"),
        ("HOLDFAST_SSO_PROXIES", "proxy.example"),
        ("HOLDFAST_SESSION_HOURS", "0"),
        ("HOLDFAST_SIGN_IN_TRIES", "many"),
        ("HOLDFAST_SECURE_COOKIES", "yes"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        PageSettings.from_environment({name: value})


def test_a_header_without_a_proxy_that_may_send_it_is_refused() -> None:
    with pytest.raises(SettingsError, match="HOLDFAST_SSO_PROXIES"):
        PageSettings.from_environment({"HOLDFAST_SSO_HEADER": "X-Forwarded-User"})
    both = {"HOLDFAST_SSO_HEADER": "X-Forwarded-User", "HOLDFAST_SSO_PROXIES": "127.0.0.1, ::1"}
    assert PageSettings.from_environment(both).sso_proxies == ("127.0.0.1", "::1")
