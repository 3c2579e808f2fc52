"""What is put around every message: the shop's name and the links that are the message's own."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from campaigns.channels.channel import Message
from campaigns.channels.texts import Frame
from campaigns.unsubscribe import Subscription, unsubscribe_key, unsubscribe_url


@dataclass(frozen=True)
class FrameMaker:
    """Makes the frame of a message.

    Attributes
    ----------
    source : str
        The shop, as tokens name it.
    shop_name : str
        The shop, as users know it.
    shop_url : str
        Where links lead; empty for none. Each link says which campaign and message it was in.
    unsubscribe_base : str
        The page that takes tokens; empty for no link.
    """

    source: str
    shop_name: str
    shop_url: str = ""
    unsubscribe_base: str = ""
    key: bytes = field(default=b"", repr=False)

    @classmethod
    def of(
        cls, home: Path, source: str, *, shop_name: str, shop_url: str = "", unsubscribe_base: str = ""
    ) -> "FrameMaker":
        """Return the maker of a home, whose key signs the links."""
        key = unsubscribe_key(home) if unsubscribe_base else b""
        return cls(source, shop_name, shop_url, unsubscribe_base, key)

    def frame(self, message: Message) -> Frame:
        """Return the frame of a message."""
        return Frame(
            shop_name=self.shop_name,
            shop_link=self._shop_link(message),
            unsubscribe_link=self._unsubscribe_link(message),
        )

    def _shop_link(self, message: Message) -> str:
        if not self.shop_url:
            return ""
        named = urlencode({"utm_campaign": message.campaign_id, "utm_id": message.message_id})
        return f"{self.shop_url}{'&' if '?' in self.shop_url else '?'}{named}"

    def _unsubscribe_link(self, message: Message) -> str:
        if not self.unsubscribe_base:
            return ""
        subscription = Subscription(self.source, message.user_id, message.channel)
        return unsubscribe_url(self.unsubscribe_base, self.key, subscription)
