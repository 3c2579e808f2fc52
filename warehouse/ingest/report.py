"""What an ingest did, delivery by delivery."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class DeliveryOutcome:
    """What became of one delivery.

    Attributes
    ----------
    status : str
        ``accepted``, ``refused`` or ``duplicate``.
    conflicts : int
        Accepted rows that give a known key other content; the later one counts from then on.
    late : int
        Accepted rows whose event lies before the delivery's own day.
    orphans : int
        Accepted rows that refer to a row not known yet, where the declaration keeps such rows.
    ignored_columns : mapping
        File name to the columns that nothing is declared for.
    """

    delivery_id: str
    delivery_date: date
    known_on: date
    status: str
    reason: str | None = None
    rows_received: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_duplicate: int = 0
    conflicts: int = 0
    late: int = 0
    orphans: int = 0
    received_by_table: Mapping[str, int] = field(default_factory=dict)
    accepted_by_table: Mapping[str, int] = field(default_factory=dict)
    quarantined_by_reason: Mapping[str, int] = field(default_factory=dict)
    ignored_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown_files: tuple[str, ...] = ()


@dataclass(frozen=True)
class IngestReport:
    """What one call of `ingest` did."""

    source: str
    deliveries: tuple[DeliveryOutcome, ...]
    newest_delivery_date: date | None
    warnings: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[DeliveryOutcome, ...]:
        """Return the deliveries whose rows were taken."""
        return tuple(one for one in self.deliveries if one.status == "accepted")

    @property
    def refused(self) -> tuple[DeliveryOutcome, ...]:
        """Return the deliveries that were refused whole."""
        return tuple(one for one in self.deliveries if one.status == "refused")

    @property
    def rows_received(self) -> int:
        """Return the rows of accepted and duplicate deliveries."""
        return sum(one.rows_received for one in self.deliveries if one.status != "refused")

    @property
    def rows_accepted(self) -> int:
        """Return the rows that went to raw."""
        return sum(one.rows_accepted for one in self.accepted)

    @property
    def rows_quarantined(self) -> int:
        """Return the rows that went to quarantine."""
        return sum(one.rows_quarantined for one in self.accepted)

    @property
    def rows_duplicate(self) -> int:
        """Return the rows that said what was known already."""
        return sum(one.rows_duplicate for one in self.deliveries if one.status != "refused")

    @property
    def received_by_table(self) -> dict[str, int]:
        """Return the rows received by table, refused deliveries left out."""
        return _summed([one.received_by_table for one in self.deliveries if one.status != "refused"])

    @property
    def accepted_by_table(self) -> dict[str, int]:
        """Return the rows accepted by table."""
        return _summed([one.accepted_by_table for one in self.accepted])

    @property
    def quarantined_by_reason(self) -> dict[str, int]:
        """Return the quarantined rows by reason code."""
        return _summed([one.quarantined_by_reason for one in self.accepted])

    def sentences(self) -> list[str]:
        """Return the report in words, the refusals last."""
        lines = [
            f"{len(self.accepted):,} deliveries accepted, {len(self.refused):,} refused: "
            f"{self.rows_received:,} rows received = {self.rows_accepted:,} accepted + "
            f"{self.rows_quarantined:,} quarantined + {self.rows_duplicate:,} exact duplicates"
        ]
        lines += [
            f"quarantined {code}: {rows:,}" for code, rows in sorted(self.quarantined_by_reason.items())
        ]
        for name, words in (
            ("late", "late rows accepted"),
            ("conflicts", "rows that changed an earlier row of their key"),
            ("orphans", "rows accepted before the row they refer to"),
        ):
            rows = sum(getattr(one, name) for one in self.accepted)
            lines += [f"{words}: {rows:,}"] if rows else []
        lines += list(self.warnings)
        lines += [f"refused {one.delivery_date}: {one.reason}" for one in self.refused]
        return lines


def _summed(counts: list[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)
