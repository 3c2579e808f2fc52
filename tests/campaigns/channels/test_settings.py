"""Channels are there if they are configured, and a wrong setting is named without repeating a secret."""

import base64
from pathlib import Path

import pytest

from campaigns.channels import channels_from_environment
from campaigns.channels.settings import ChannelSettings
from tests.campaigns.channels.makers import CANARY
from warehouse.errors import SettingsError

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
EMAIL = {
    "HOLDFAST_SMTP_URL": "smtp://shop:p%40ss@mail.example.org",
    "HOLDFAST_EMAIL_FROM": '"Lamps & More" <hello@shop.example>',
    "HOLDFAST_UNSUBSCRIBE_URL": "https://shop.example/unsubscribe",
}


def names(home: Path, environment: dict[str, str]) -> set[str]:
    return set(
        channels_from_environment({"HOLDFAST_HOME": str(home), "HOLDFAST_SOURCE": "shop", **environment})
    )


def test_nothing_configured_gives_no_channel_and_makes_no_key(tmp_path: Path) -> None:
    assert names(tmp_path, {}) == set()
    assert list(tmp_path.iterdir()) == []


def test_each_channel_comes_with_its_own_settings(tmp_path: Path) -> None:
    assert names(tmp_path, EMAIL) == {"email"}
    assert names(tmp_path, {"HOLDFAST_SMS_URL": "https://sms.example/v1"}) == {"sms"}
    assert names(tmp_path, {"HOLDFAST_PUSH_URL": "https://push.example/v1"}) == {"push"}
    webhook = {"HOLDFAST_WEBHOOK_URL": "http://127.0.0.1:1/hook", "HOLDFAST_WEBHOOK_SECRET": SECRET}
    assert names(tmp_path, webhook) == {"webhook"}
    assert names(tmp_path, {**EMAIL, **webhook}) == {"email", "webhook"}


def test_channels_are_named_as_in_the_outbox(tmp_path: Path) -> None:
    environment = {"HOLDFAST_HOME": str(tmp_path), **EMAIL, "HOLDFAST_PUSH_URL": "https://push.example/v1"}
    for name, channel in channels_from_environment(environment).items():
        assert channel.name == name


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("smtp://shop:p%40ss@mail.example.org", ("mail.example.org", 587, "starttls", "shop", "p@ss")),
        ("smtps://mail.example.org", ("mail.example.org", 465, "tls", "", "")),
        ("smtp+plain://localhost:2525/", ("localhost", 2525, "none", "", "")),
    ],
)
def test_the_url_of_a_mail_server_says_how_the_line_is_protected(
    url: str, read: tuple[str, int, str, str, str]
) -> None:
    server = ChannelSettings.from_environment({**EMAIL, "HOLDFAST_SMTP_URL": url}).mail_server
    assert server is not None
    assert (server.host, server.port, server.protection, server.user, server.password) == read


def test_a_webhook_secret_can_be_replaced_while_both_sign() -> None:
    both = f"{SECRET}  whsec_{base64.b64encode(b't' * 24).decode()}"
    read = ChannelSettings.from_environment({"HOLDFAST_WEBHOOK_SECRET": both})
    assert read.webhook_secrets == (b"s" * 32, b"t" * 24)


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({**EMAIL, "HOLDFAST_SMTP_URL": f"smtp://shop:{CANARY}@"}, "HOLDFAST_SMTP_URL"),
        ({**EMAIL, "HOLDFAST_SMTP_URL": f"https://{CANARY}@mail.example.org"}, "HOLDFAST_SMTP_URL"),
        ({**EMAIL, "HOLDFAST_SMTP_URL": f"smtp://a:{CANARY}@mail.example.org:port"}, "HOLDFAST_SMTP_URL"),
        ({**EMAIL, "HOLDFAST_SMTP_URL": f"smtp+plain://a:{CANARY}@mail.example.org"}, "HOLDFAST_SMTP_URL"),
        ({**EMAIL, "HOLDFAST_EMAIL_FROM": ""}, "HOLDFAST_EMAIL_FROM"),
        ({**EMAIL, "HOLDFAST_EMAIL_FROM": "nobody"}, "HOLDFAST_EMAIL_FROM"),
        ({**EMAIL, "HOLDFAST_EMAIL_FROM": "a@b.example\r\nBcc: c@d.example"}, "HOLDFAST_EMAIL_FROM"),
        ({**EMAIL, "HOLDFAST_UNSUBSCRIBE_URL": ""}, "HOLDFAST_UNSUBSCRIBE_URL"),
        ({**EMAIL, "HOLDFAST_UNSUBSCRIBE_URL": "http://shop.example/u"}, "HOLDFAST_UNSUBSCRIBE_URL"),
        (
            {**EMAIL, "HOLDFAST_UNSUBSCRIBE_URL": "https://shop.example/u>\r\nX: 1"},
            "HOLDFAST_UNSUBSCRIBE_URL",
        ),
        ({"HOLDFAST_SMS_URL": f"ftp://{CANARY}"}, "HOLDFAST_SMS_URL"),
        ({"HOLDFAST_PUSH_URL": f"http://push.example/{CANARY}"}, "HOLDFAST_PUSH_URL"),
        ({"HOLDFAST_PROVIDER_TOKEN": f"{CANARY}\nX: 1"}, "HOLDFAST_PROVIDER_TOKEN"),
        ({"HOLDFAST_PROVIDER_BATCH_SIZE": "0"}, "HOLDFAST_PROVIDER_BATCH_SIZE"),
        ({"HOLDFAST_PROVIDER_CONNECTIONS": "many"}, "HOLDFAST_PROVIDER_CONNECTIONS"),
        ({"HOLDFAST_WEBHOOK_URL": "https://tool.example/hook"}, "HOLDFAST_WEBHOOK_SECRET"),
        ({"HOLDFAST_WEBHOOK_SECRET": CANARY}, "HOLDFAST_WEBHOOK_SECRET"),
        ({"HOLDFAST_WEBHOOK_SECRET": f"whsec_{CANARY[:8]}"}, "HOLDFAST_WEBHOOK_SECRET"),
    ],
)
def test_what_cannot_be_used_is_named_and_no_secret_repeated(environment: dict[str, str], name: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        ChannelSettings.from_environment(environment)
    assert "is set and HOLDFAST" not in caught.value.what or not environment.get(name)
    assert CANARY not in str(caught.value)
    assert CANARY[:8] not in str(caught.value)
    assert caught.value.remedy


def test_settings_show_no_secret() -> None:
    read = ChannelSettings.from_environment(
        {
            **EMAIL,
            "HOLDFAST_SMTP_URL": f"smtp://shop:{CANARY}@mail.example.org",
            "HOLDFAST_PROVIDER_TOKEN": CANARY,
            "HOLDFAST_WEBHOOK_SECRET": f"whsec_{base64.b64encode(CANARY.encode() * 2).decode()}",
            "HOLDFAST_SMS_URL": f"https://sms.example/{CANARY}",
        }
    )
    assert read.provider_token == CANARY
    assert CANARY not in repr(read)
