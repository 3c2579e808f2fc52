"""Doors to users: what takes a message and says what became of it."""

from collections.abc import Mapping

from campaigns.channels.channel import Channel, Message, Outcome
from campaigns.channels.email import EmailChannel
from campaigns.channels.frames import FrameMaker
from campaigns.channels.http_provider import HttpProvider
from campaigns.channels.posting import Poster
from campaigns.channels.settings import ChannelSettings
from campaigns.channels.webhook import WebhookChannel
from warehouse.ledger import Clock, utc_now
from warehouse.settings import Settings


def channels_from_environment(
    environment: Mapping[str, str], *, clock: Clock = utc_now
) -> dict[str, Channel]:
    """Return the channels that are configured, by name; messages of the others wait in the outbox.

    Parameters
    ----------
    environment : mapping
        Environment variables.
    clock : callable
        Gives the moment of an attempt.

    Raises
    ------
    SettingsError
        If a value cannot be used; the message names the variable.
    """
    settings, wanted = Settings.from_environment(environment), ChannelSettings.from_environment(environment)
    frames = FrameMaker.of(
        settings.home,
        settings.source,
        shop_name=_shop_name(wanted, settings.source),
        shop_url=wanted.shop_url,
        unsubscribe_base=wanted.unsubscribe_base,
    )
    channels: dict[str, Channel] = {}
    if wanted.mail_server is not None and wanted.sender is not None:
        channels["email"] = EmailChannel(wanted.mail_server, wanted.sender, frames, clock=clock)
    token = {"Authorization": f"Bearer {wanted.provider_token}"} if wanted.provider_token else {}
    for name, url in (("sms", wanted.sms_url), ("push", wanted.push_url)):
        if url:
            poster = Poster(url, token, clock=clock, connections=wanted.connections)
            channels[name] = HttpProvider(name, poster, frames, batch_size=wanted.provider_batch_size)
    if wanted.webhook_url:
        poster = Poster(wanted.webhook_url, {}, clock=clock, connections=wanted.connections)
        channels["webhook"] = WebhookChannel(poster, wanted.webhook_secrets, clock=clock)
    return channels


def _shop_name(wanted: ChannelSettings, source: str) -> str:
    """Return the name in HOLDFAST_EMAIL_FROM, or the source's in words."""
    name = wanted.sender.display_name if wanted.sender else ""
    return name or source.replace("_", " ")


__all__ = ["Channel", "ChannelSettings", "Message", "Outcome", "channels_from_environment"]
