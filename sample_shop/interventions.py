"""What campaigns from outside delivered to the users: messages, calls, coupons."""

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sample_shop.chance import Ints
from sample_shop.clock import DAY
from sample_shop.people import PURPOSES
from sample_shop.world import ShopError, World

ACTIONS = ("recommendation", "coupon", "service_call", "education", "community")
RECOMMENDATION, COUPON, SERVICE_CALL, EDUCATION, COMMUNITY = range(5)
# lists and files reach users through a marketing tool that the shop has
OUTLETS = ("email", "sms", "push", "call", "webhook", "file", "table")
# the purpose whose consent is withdrawn, by outlet
PURPOSE_OF = np.array(
    [PURPOSES.index(name) for name in ("email", "sms", "push", "call", "email", "email", "email")]
)
COLUMNS = (
    *("message_id", "user_id", "sent_at", "action", "channel"),
    *("campaign_id", "coupon_code", "face_value", "expires_on"),
)


@dataclass(frozen=True)
class Interventions:
    """Deliveries to users, ordered by day, user and message, one array element each.

    Attributes
    ----------
    day, second : numpy.ndarray
        Day number and second of the day of delivery, in the shop's own time.
    user : numpy.ndarray
        World numbers of users.
    action, channel : numpy.ndarray
        Positions in ACTIONS and OUTLETS.
    face : numpy.ndarray
        Face value of the coupon in cents, 0 without one.
    expires : numpy.ndarray
        Day number of the coupon's last day, -1 without one.
    number : numpy.ndarray
        A number made of the message id alone, beyond all numbers of the shop's own touches.
    message_id, campaign_id, coupon_code : numpy.ndarray
        Text as delivered; no code is None.
    """

    day: Ints
    second: Ints
    user: Ints
    action: Ints
    channel: Ints
    face: Ints
    expires: Ints
    number: Ints
    message_id: Any
    campaign_id: Any
    coupon_code: Any

    @classmethod
    def none(cls) -> "Interventions":
        """Return a world's interventions when nothing was delivered."""
        columns = {
            name: pa.array([], pa.timestamp("s") if name == "sent_at" else pa.string()) for name in COLUMNS
        }
        return cls.of(pa.table(columns), first_day=dt.date(1970, 1, 1), signed_up=lambda _day: 0)

    @classmethod
    def read(cls, path: Path, world: World) -> "Interventions":
        """Read a Parquet file with the columns of COLUMNS; see ``of``."""
        if not path.is_file():
            raise ShopError(f"--interventions must be a Parquet file. Found nothing at {path}.")
        found = pq.read_table(path)
        if missing := [name for name in COLUMNS if name not in found.column_names]:
            raise ShopError(f"{path} must have the columns {', '.join(COLUMNS)}. Missing: {missing}.")
        return cls.of(found, first_day=world.first_day, signed_up=world.signed_up_through)

    @classmethod
    def of(cls, table: pa.Table, *, first_day: dt.date, signed_up: Callable[[int], int]) -> "Interventions":
        """Make interventions of a table.

        Parameters
        ----------
        table : pyarrow.Table
            message_id, user_id (u and seven digits), sent_at (naive, the shop's own time), action, channel,
            campaign_id, coupon_code, face_value (CNY), expires_on (date); the last three may be NULL.
        first_day : datetime.date
            The world's first day.
        signed_up : callable
            How many users have signed up by the end of a day number.

        Raises
        ------
        ShopError
            If an action, a channel or a user is unknown, or a message is there twice.
        """
        columns = {name: table[name].to_pylist() for name in COLUMNS}
        messages = columns["message_id"]
        if len(set(messages)) != len(messages):
            twice = next(one for one in messages if messages.count(one) > 1)
            raise ShopError(f"A message is delivered once. Found twice: {twice!r}.")
        first = dt.datetime.combine(first_day, dt.time())
        elapsed = np.array([int((at - first).total_seconds()) for at in columns["sent_at"]], dtype=np.int64)
        if len(elapsed) and elapsed.min() < 0:
            raise ShopError(f"Nothing is delivered before the first day {first_day}.")
        day = elapsed // DAY
        user = _users(columns["user_id"])
        faces = [round(100 * float(value or 0)) for value in columns["face_value"]]
        ends = [-1 if value is None else (value - first_day).days for value in columns["expires_on"]]
        number = np.array([_number(message) for message in messages], dtype=np.int64)
        known = np.array([signed_up(int(d)) for d in range(int(day.max(initial=0)) + 1)])
        if len(user) and (user >= known[day]).any():
            stranger = columns["user_id"][int(np.argmax(user >= known[day]))]
            raise ShopError(f"Only users who have signed up can be reached. Found: {stranger!r}.")
        order = np.lexsort([number, user, day])
        return cls(
            day=day[order],
            second=(elapsed % DAY)[order],
            user=user[order],
            action=_positions("action", ACTIONS, columns["action"])[order],
            channel=_positions("channel", OUTLETS, columns["channel"])[order],
            face=np.array(faces, dtype=np.int64)[order],
            expires=np.array(ends, dtype=np.int64)[order],
            number=number[order],
            message_id=np.array(messages, dtype=object)[order],
            campaign_id=np.array(columns["campaign_id"], dtype=object)[order],
            coupon_code=np.array(columns["coupon_code"], dtype=object)[order],
        )

    def on(self, day: int, first: int, stop: int) -> Ints:
        """Return the positions of what is delivered on a day to users number ``first``..``stop``-1."""
        low, high = np.searchsorted(self.day, [day, day + 1])
        positions = np.arange(low, high)
        user = self.user[low:high]
        return positions[(user >= first) & (user < stop)]


def _positions(column: str, words: tuple[str, ...], values: list[str]) -> Ints:
    known = {word: position for position, word in enumerate(words)}
    if unknown := set(values) - set(known):
        raise ShopError(f"{column} must be one of {', '.join(words)}. Found: {sorted(map(str, unknown))}.")
    return np.array([known[value] for value in values], dtype=np.int64)


def _users(values: list[str]) -> Ints:
    for value in values:
        if not (value[:1] == "u" and value[1:].isdigit() and len(value) == 8):
            raise ShopError(f"user_id must be u and seven digits. Found: {value!r}.")
    return np.array([int(value[1:]) for value in values], dtype=np.int64)


def _number(message_id: str) -> int:
    digest = hashlib.blake2b(message_id.encode(), digest_size=8).digest()
    # positive, and with room for ten times as much; the shop's own numbers stay below 2^50
    return (int.from_bytes(digest, "little") >> 8) | (1 << 55)
