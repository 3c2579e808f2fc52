import pytest

from warehouse.environment import MailServer
from warehouse.errors import SettingsError
from warehouse.notices import NoticeSettings, Receivers

MAIL = {
    "HOLDFAST_NOTICE_SMTP_URL": "smtp://u:p@mail.example.org",
    "HOLDFAST_NOTICE_EMAIL_FROM": "h@x.example",
}


def test_without_settings_nobody_is_told() -> None:
    read = NoticeSettings.from_environment({})
    assert read == NoticeSettings()
    assert read.engineers.channels == read.service.channels == ()


def test_each_audience_has_its_own_channels() -> None:
    read = NoticeSettings.from_environment(
        MAIL
        | {
            "HOLDFAST_NOTICE_ENGINEERS_EMAIL": "a@x.example, B <b@x.example>",
            "HOLDFAST_NOTICE_SERVICE_SLACK_URL": "https://chat.example/hook",
        }
    )
    assert read.engineers == Receivers(("a@x.example", "b@x.example"))
    assert read.service.channels == ("slack",)
    assert read.mail_server == MailServer("mail.example.org", 587, "starttls", "u", "p")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOLDFAST_NOTICE_ENGINEERS_EMAIL", "secret-at-nowhere"),
        ("HOLDFAST_NOTICE_SERVICE_SLACK_URL", "file:///secret"),
        ("HOLDFAST_NOTICE_SERVICE_WEBHOOK_URL", "http://far.example/secret"),
        ("HOLDFAST_NOTICE_SMTP_URL", "http://secret"),
        ("HOLDFAST_NOTICE_SMTP_URL", "smtp+plain://u:secret@far.example"),
        ("HOLDFAST_NOTICE_LANGUAGE", "fr"),
        ("HOLDFAST_NOTICE_USERS", "names"),
        ("HOLDFAST_NOTICE_DETAILS", "0"),
        ("HOLDFAST_NOTICE_QUIET_HOURS", "-1"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_and_no_secret_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as raised:
        NoticeSettings.from_environment({name: value})
    assert "secret" not in str(raised.value)


def test_e_mail_needs_a_server_and_a_sender() -> None:
    with pytest.raises(SettingsError, match="no server or no sender"):
        NoticeSettings.from_environment({"HOLDFAST_NOTICE_SERVICE_EMAIL": "a@x.example"})


def test_nothing_that_may_hold_a_secret_is_shown() -> None:
    read = NoticeSettings.from_environment(
        {"HOLDFAST_NOTICE_SERVICE_SLACK_URL": "https://chat.example/secret"}
        | MAIL
        | {"HOLDFAST_NOTICE_SMTP_URL": "smtp://u:secret@mail.example.org"}
    )
    assert "secret" not in repr(read)
