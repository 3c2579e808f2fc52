"""One e-mail as bytes: headers that nothing can be smuggled into, a text and an HTML part."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime

from campaigns.channels.channel import Message
from campaigns.channels.frames import FrameMaker
from campaigns.channels.texts import language_of, one_line, render_html, render_text
from warehouse.errors import ContractBreach

MESSAGE_ID = re.compile(r"[A-Za-z0-9._-]{1,200}")
LONGEST_ADDRESS = 254
LONGEST_SUBJECT = 200


class LetterPolicy(EmailPolicy):
    """CRLF, and the unsubscribe header on one line: the standard library would encode a long link away."""

    def fold_binary(self, name: str, value: str) -> bytes:
        """Return one header as it goes out."""
        if name.lower() == "list-unsubscribe":
            return f"{name}: {value}\r\n".encode("ascii")
        return bytes(super().fold_binary(name, value))


POLICY = LetterPolicy(linesep="\r\n", raise_on_defect=False)


@dataclass(frozen=True)
class Letter:
    """An e-mail ready to be sent, and where to."""

    recipient: str
    content: bytes
    needs_smtputf8: bool


def write_letter(message: Message, sender: Address, frames: FrameMaker, now: datetime) -> Letter:
    """Return the e-mail of a message.

    The Message-ID is made of the message's own id, so that every attempt bears the same one.

    Raises
    ------
    ContractBreach
        If the address is not one address, or the text cannot be made. Repeats no address.
    """
    recipient = _recipient(message.address)
    if not MESSAGE_ID.fullmatch(message.message_id):
        raise ContractBreach("This cannot be the id of a message", message.message_id, "look at the outbox")
    frame = frames.frame(message)
    text = render_text(message, "email.txt", frame)
    letter = EmailMessage(policy=POLICY)
    letter["From"] = sender
    letter["To"] = recipient
    letter["Subject"] = one_line(text.title)[:LONGEST_SUBJECT]
    letter["Date"] = format_datetime(now)
    letter["Message-ID"] = f"<{message.message_id}@{sender.domain}>"
    letter["List-Unsubscribe"] = f"<{frame.unsubscribe_link}>"
    letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(f"{text.body}\n", cte="base64" if language_of(message) == "zh" else "quoted-printable")
    letter.add_alternative(render_html(message, frame), subtype="html", cte="quoted-printable")
    letter["Content-Language"] = language_of(message)
    letter.set_boundary(f"part-{message.message_id}")
    return Letter(recipient.addr_spec, letter.as_bytes(), needs_smtputf8=not recipient.addr_spec.isascii())


def _recipient(address: str | None) -> Address:
    """Return an address if it is exactly one; its domain in ASCII."""
    text = (address or "").strip()
    local, _, domain = text.rpartition("@")
    readable = (
        text.isprintable() and len(text) <= LONGEST_ADDRESS and not re.search(r'[\s<>(),;:"\\\[\]]', text)
    )
    try:
        ascii_domain = domain.encode("idna").decode() if readable and "." in domain else ""
        if local and ascii_domain:
            return Address(username=local, domain=ascii_domain)
    except (ValueError, IndexError, AttributeError):
        pass
    raise ContractBreach(
        "The address is not one e-mail address", None, "have the shop deliver another"
    ) from None
