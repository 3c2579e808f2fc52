"""One notice: who is told, what it says, and nothing in it that names a person."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass

#: What looks like an address or a telephone number, wherever it comes from.
E_MAIL = re.compile(r"[^\s<>()\[\],;:'\"|]+@[^\s<>()\[\],;:'\"|]+")
PHONE = re.compile(
    r"(?<![\w.-])"
    r"(?:\+\d[\d ()./-]{6,}\d|00\d[\d ()./-]{6,}\d|0\d{2,4}[ /-]\d[\d -]{4,}\d|1[3-9]\d{9})"
    r"(?![\w-])"
)
PLAIN_ID = re.compile(r"[\w.-]{1,64}")
HIDDEN = "[…]"


@dataclass(frozen=True)
class Notice:
    """What people are told.

    Attributes
    ----------
    key : str
        What makes it the same notice when a task is run again.
    audience : str
        ``engineers`` or ``service``.
    kind, subject : str
        What it is about; a repeat is one of the same kind and subject.
    title : str
        One line.
    lines : tuple of str
        Details, each a sentence or two.
    more : int
        Details that were left out.
    link : str
        Where to look; empty for nowhere.
    members : tuple of str
        Ids of what it tells of, shown or only counted: none of them is told again.
    """

    key: str
    audience: str
    kind: str
    subject: str
    title: str
    lines: tuple[str, ...] = ()
    more: int = 0
    link: str = ""
    members: tuple[str, ...] = ()

    def as_json(self) -> str:
        """Return the notice as it is kept."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Notice":
        """Return the notice that was kept."""
        content = json.loads(text)
        return cls(**content | {name: tuple(content[name]) for name in ("lines", "members")})


def without_personal_data(text: str) -> str:
    """Return a text with e-mail addresses and telephone numbers taken out, on one line."""
    return PHONE.sub(HIDDEN, E_MAIL.sub(HIDDEN, " ".join(str(text).split())))


def shown_user(user_id: str) -> str:
    """Return a user's id as it may be shown; one that is itself an address becomes a mark of its own.

    Shops that use addresses as ids are told apart by this mark only; the dashboard knows who it is.
    """
    if PLAIN_ID.fullmatch(user_id) and without_personal_data(user_id) == user_id:
        return user_id
    return f"user-{hashlib.sha256(user_id.encode()).hexdigest()[:10]}"
