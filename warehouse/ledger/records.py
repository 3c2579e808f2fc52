"""What the ledger gives back: frozen records, one class per table."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from warehouse.errors import HoldfastError

Clock = Callable[[], datetime]
MODEL_STATUSES = ("challenger", "champion", "retired", "refused", "withdrawn")
# The first three are what training can come to; the others are a person's.
VERDICTS = ("promoted", "kept", "refused", "pinned", "unpinned", "rolled_back")


class LedgerError(HoldfastError):
    """The ledger cannot be read or written, or does not know what was asked for."""


def utc_now() -> datetime:
    """Return the wall clock in UTC; the ledger takes another clock where a test needs one."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Run:
    """One attempt to do one stage of one day. ``epoch`` grows with every run begun."""

    run_id: str
    epoch: int
    kind: str
    source: str
    as_of_date: date
    status: str
    trigger: str
    started_at: datetime
    finished_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True)
class DeliveryFile:
    """One file of a delivery and what became of its rows."""

    relative_path: str
    table_name: str
    sha256: str
    bytes: int
    rows_received: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_duplicate: int = 0


@dataclass(frozen=True)
class Delivery:
    """One delivery folder, taken or refused whole.

    Attributes
    ----------
    status : str
        ``accepted``, ``refused`` or ``duplicate`` (every file was seen before).
    known_on : date
        The day from which its rows count (see the glossary).
    quarantine_reasons : mapping
        Quarantined rows by reason code.
    ingested_at : datetime, optional
        Set by the ledger's clock when None.
    """

    delivery_id: str
    delivery_number: int
    source: str
    delivery_date: date
    known_on: date
    status: str
    rows_received: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_duplicate: int = 0
    reason: str | None = None
    quarantine_reasons: Mapping[str, int] = field(default_factory=dict, hash=False)
    manifest_json: str | None = None
    run_id: str | None = None
    ingested_at: datetime | None = None

    @property
    def is_history(self) -> bool:
        """Whether it is a load of history: its rows count as known from their own day on."""
        return bool(self.manifest_json) and json.loads(self.manifest_json or "{}").get("history") is True


@dataclass(frozen=True)
class BuiltDay:
    """A day whose features passed their gate. One per source and as_of_date."""

    source: str
    as_of_date: date
    run_id: str
    features_digest: str | None
    built_at: datetime


@dataclass(frozen=True)
class GateResult:
    """One expectation, checked once."""

    gate: str
    suite: str
    expectation: str
    success: bool
    column: str | None = None
    observed: str | None = None
    expected: str | None = None
    message: str | None = None
    checked_at: datetime | None = None


@dataclass(frozen=True)
class Publish:
    """One snapshot, one per run.

    ``state`` is ``prepared`` until the pointer's move is decided and carried out, then ``done``;
    ``kept`` if the snapshot was asked for without moving the pointer.
    """

    run_id: str
    source: str
    as_of_date: date
    epoch: int
    snapshot_path: str
    manifest_sha256: str
    model_version: str | None
    state: str
    pointer_moved: bool
    prepared_at: datetime
    published_at: datetime | None = None
    rolled_back_at: datetime | None = None


@dataclass(frozen=True)
class Model:
    """One trained model, in use or not, with its metrics as JSON.

    Attributes
    ----------
    status : str
        One of `MODEL_STATUSES`: ``challenger`` (trained, never promoted), ``champion`` (scores new days),
        ``retired`` (was champion), ``refused`` (found unsound) or ``withdrawn`` (taken out by a person).
        Kept by the ledger from the decisions; only ``challenger`` can be recorded.
    definition_id : str
        What churned means to it; empty is read as no paid order within ``horizon_days``.
    """

    model_version: str
    source: str
    trained_as_of: date
    horizon_days: int
    kind: str
    status: str
    path: str
    metrics_json: str = "{}"
    created_at: datetime | None = None
    definition_id: str = ""


@dataclass(frozen=True)
class ModelUse:
    """The model that a day was scored with under one definition of churn, for good."""

    source: str
    as_of_date: date
    definition_id: str
    model_version: str
    run_id: str | None
    pinned_at: datetime


@dataclass(frozen=True)
class ModelDecision:
    """One decision on who is champion. Decisions are only ever added.

    Attributes
    ----------
    decision_number : int
        Rises with every decision; numbers may be missing.
    decided_for : date
        The first day it can matter for: trained_as_of of a challenger that was judged, otherwise the day
        that a person named.
    challenger : str
        Whom it is about: the model judged, pinned or unpinned; after ``rolled_back`` the champion put back.
    champion : str or None
        The champion before it.
    verdict : str
        One of `VERDICTS`.
    reason : str
        In words, with numbers.
    figures_json : str
        The figures it rests on.
    decided_by : str
        ``training``, or who asked.
    """

    decision_number: int
    source: str
    definition_id: str
    decided_for: date
    challenger: str
    champion: str | None
    verdict: str
    reason: str
    figures_json: str
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True)
class Alarm:
    """Something that a person should know; says nothing about any one user. One per day, kind and subject.

    Attributes
    ----------
    kind : str
        What is wrong: a check_kind of ``model_health``, ``watch_failed`` or ``retraining_wanted``.
    subject : str
        With what: an input, a tier, a model.
    message : str
        In a sentence, with numbers.
    run_id : str, optional
        The run that raised it first.
    notification : str
        ``not_asked`` (nobody is to be told), ``waiting`` or ``sent``.
    failure : str, optional
        Why telling failed last time.
    """

    source: str
    as_of_date: date
    kind: str
    subject: str
    message: str
    run_id: str | None = None
    raised_at: datetime | None = None
    notification: str = "not_asked"
    notified_at: datetime | None = None
    failure: str | None = None
