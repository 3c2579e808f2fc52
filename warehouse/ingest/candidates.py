"""A delivery on its way: its files read, its rows counted, accepted or refused whole."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from warehouse.errors import ContractBreach
from warehouse.ingest.arrivals import Arrival, LandedFile
from warehouse.ingest.reading import ReadFile, RefusedFile, format_of, read_file
from warehouse.ingest.reasons import explain
from warehouse.ingest.report import DeliveryOutcome
from warehouse.ledger import Delivery, DeliveryFile
from warehouse.sources import Source

HISTORY_BEGINS = date(1900, 1, 1)


@dataclass
class CandidateFile:
    """One file and what became of its rows."""

    landed: LandedFile
    read: ReadFile
    index: int = -1
    bad: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    late: int = 0
    orphans: int = 0
    example: tuple[int, str, str | None, str | None] | None = None
    first_orphan: tuple[int, str, str | None, str | None] | None = None

    @property
    def received(self) -> int:
        """Return how many rows the file holds."""
        return self.read.received

    def forget_fates(self) -> None:
        """Take back what was counted after the typing, for another go without a refused delivery."""
        self.accepted = self.duplicates = self.conflicts = self.late = self.orphans = 0
        del self.bad["orphan"]
        self.first_orphan = None


@dataclass
class Candidate:
    """A delivery that is being judged."""

    arrival: Arrival
    files: list[CandidateFile]
    refusal: str | None
    known_on: date
    delivery_number: int = -1

    @property
    def is_taken(self) -> bool:
        """Say whether nothing has spoken against it so far."""
        return self.refusal is None

    @property
    def is_duplicate(self) -> bool:
        """Say whether it brings nothing but files that were accepted before."""
        files = self.arrival.files
        return self.is_taken and bool(files) and all(file.repeats for file in files)

    @property
    def status(self) -> str:
        """Return the word of the ledger for what became of it."""
        return "refused" if self.refusal else "duplicate" if self.is_duplicate else "accepted"

    def rows(self, table: str) -> int:
        """Return the rows received for a table in files that were not seen before."""
        return sum(f.received for f in self.files if f.landed.table.name == table and not f.landed.repeats)

    def flood(self, source: Source) -> str | None:
        """Return why too many of its rows are bad, or None."""
        for table in source.tables:
            files = [f for f in self.files if f.landed.table.name == table.name and not f.landed.repeats]
            received = sum(file.received for file in files)
            bad: Counter[str] = Counter()
            for file in files:
                bad.update(file.bad)
            total = bad.total()
            many = total >= source.flood_minimum_rows and total > source.flood_share * received
            none_left = table.required and total == received and received > 0
            if not (many or none_left):
                continue
            example = next((_explained(file) for file in files if file.bad), "")
            counted = ", ".join(f"{code} {rows:,}" for code, rows in bad.most_common())
            return (
                f"{total:,} of {received:,} rows of {table.name} cannot be taken ({counted}); "
                f"allowed is {source.flood_share:.0%}. The first: {example}"
            )
        return None

    def check_conservation(self) -> None:
        """Check that every received row is accounted for, file by file.

        Raises
        ------
        ContractBreach
            If rows are lost or counted twice: a defect of the software, so nothing is stored.
        """
        for file in self.files:
            found = file.accepted + file.bad.total() + file.duplicates
            if found != file.received:
                raise ContractBreach(
                    f"Rows of {file.landed.relative_path} are not accounted for: {file.received} received, "
                    f"{file.accepted} accepted, {file.bad.total()} quarantined, {file.duplicates} duplicate",
                    found,
                    "nothing was stored; report this with the file",
                )

    def outcome(self) -> DeliveryOutcome:
        """Return the delivery's part of the report."""
        received: Counter[str] = Counter()
        accepted: Counter[str] = Counter()
        bad: Counter[str] = Counter()
        for file in self.files:
            received[file.landed.table.name] += file.received
            accepted[file.landed.table.name] += file.accepted
            bad.update(file.bad)
        taken = self.is_taken
        return DeliveryOutcome(
            delivery_id=self.arrival.delivery_id,
            delivery_date=self.arrival.day,
            known_on=self.known_on,
            status=self.status,
            reason=self.reason,
            rows_received=received.total(),
            rows_accepted=accepted.total() if taken else 0,
            rows_quarantined=bad.total() if taken else 0,
            rows_duplicate=sum(file.duplicates for file in self.files) if taken else 0,
            conflicts=sum(file.conflicts for file in self.files),
            late=sum(file.late for file in self.files),
            orphans=sum(file.orphans for file in self.files),
            received_by_table=dict(received),
            accepted_by_table=dict(accepted),
            quarantined_by_reason=dict(+bad) if taken else {},
            ignored_columns={
                f.landed.relative_path: f.read.ignored_columns for f in self.files if f.read.ignored_columns
            },
            unknown_files=self.arrival.unknown_files,
        )

    @property
    def reason(self) -> str | None:
        """Return why it was refused, or that it repeats."""
        if self.is_duplicate:
            first = sorted({file.repeats or "" for file in self.arrival.files})
            return f"every file was accepted before, with {', '.join(first)}"
        return self.refusal

    def recorded(self) -> tuple[Delivery, list[DeliveryFile]]:
        """Return what the ledger keeps of it."""
        outcome = self.outcome()
        taken = self.is_taken
        counted = {file.landed.relative_path: file for file in self.files}
        files = []
        for landed in self.arrival.files:
            file = counted.get(landed.relative_path)
            files.append(
                DeliveryFile(
                    relative_path=landed.relative_path,
                    table_name=landed.table.name,
                    sha256=landed.sha256,
                    bytes=landed.bytes,
                    rows_received=file.received if file else 0,
                    rows_accepted=file.accepted if file and taken else 0,
                    rows_quarantined=file.bad.total() if file and taken else 0,
                    rows_duplicate=file.duplicates if file and taken else 0,
                )
            )
        delivery = Delivery(
            delivery_id=outcome.delivery_id,
            delivery_number=self.delivery_number,
            source=self.arrival.source,
            delivery_date=outcome.delivery_date,
            known_on=outcome.known_on,
            status=outcome.status,
            rows_received=outcome.rows_received,
            rows_accepted=outcome.rows_accepted,
            rows_quarantined=outcome.rows_quarantined,
            rows_duplicate=outcome.rows_duplicate,
            reason=outcome.reason,
            quarantine_reasons=outcome.quarantined_by_reason,
            manifest_json=self.arrival.manifest_json,
        )
        return delivery, files


def read_candidate(arrival: Arrival, known_on: date) -> Candidate:
    """Read the files of an arrival; a file that cannot be taken refuses the whole delivery."""
    candidate = Candidate(arrival, [], arrival.refusal, known_on)
    if candidate.refusal:
        return candidate
    for landed in arrival.files:
        try:
            candidate.files.append(CandidateFile(landed, _read(landed)))
        except RefusedFile as error:
            candidate.refusal = f"{arrival.day}: {error}"
            return candidate
        file = candidate.files[-1]
        if landed.repeats:
            file.duplicates = file.received
        else:
            file.bad.update(code for _, code in file.read.records.rejects)
            if file.read.records.rejects:
                file.example = (*file.read.records.rejects[0], None, None)
        promised = arrival.manifest_rows.get(landed.relative_path)
        if promised is not None and promised != file.received:
            candidate.refusal = (
                f"{landed.relative_path}: the manifest says {promised:,} rows, the file has "
                f"{file.received:,}. To do: deliver the file again, or correct the manifest"
            )
            return candidate
    return candidate


def first_known(day: date, *, newest_built: date | None, history: bool) -> date:
    """Return the day from which a delivery's rows count: no day that is built already may change.

    Rows of a load of history count from their own day on, and none before this day.
    """
    earliest = HISTORY_BEGINS if history else day
    return earliest if newest_built is None else max(earliest, newest_built + timedelta(days=1))


def utc_start_of(day: date, zone: str) -> datetime:
    """Return the UTC time (naive) at which a local day begins."""
    local = datetime.combine(day, time(), tzinfo=ZoneInfo(zone))
    return local.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


def is_native(file: CandidateFile) -> bool:
    """Say whether the file's format has types of its own (its times need no declared format)."""
    return format_of(file.landed.path.name) == "parquet"


def _read(landed: LandedFile) -> ReadFile:
    try:
        data = landed.path.read_bytes()
    except OSError as error:
        raise RefusedFile(f"{landed.relative_path} cannot be read: {error}. To do: check it") from error
    if hashlib.sha256(data).hexdigest() != landed.sha256:
        raise RefusedFile(
            f"{landed.relative_path} changed while it was being read. "
            "To do: write files under another name and rename them when they are whole"
        )
    return read_file(landed.path, landed.table, data)


def _explained(file: CandidateFile) -> str:
    line, code, column, value = min(one for one in (file.example, file.first_orphan) if one)
    shown = None if file.landed.table.redacted else value
    return explain(code, f"{file.landed.relative_path} line {line}", column, shown)
