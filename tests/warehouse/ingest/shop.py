"""A small shop with landing, build file and ledger of its own, for tests of ingest."""

import gzip
import hashlib
import json
import sqlite3
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import duckdb

from warehouse.ingest import IngestReport, ingest, rebuild
from warehouse.ledger import Ledger
from warehouse.settings import Settings

DECLARATION = """
version: 2
sources:
  - name: shop
    schema: raw
    config:
      meta:
        time_zone: Europe/London
        currency: GBP
        late_days_allowed: 30
        quarantine_flood_minimum_rows: 8
        volume: {minimum_deliveries: 8, lowest_ratio: 0.25, highest_ratio: 4}
    tables:
      - name: orders
        config:
          meta:
            files: ["orders*"]
            required: true
            key: [order_id]
            event_time: ordered_at
            text_columns_with_newlines: [note]
        columns:
          - {name: order_id, data_type: id}
          - {name: user_id, data_type: id, config: {meta: {required: true}}}
          - name: ordered_at
            data_type: timestamp
            config: {meta: {required: true, format: "%Y-%m-%d %H:%M:%S"}}
          - {name: amount, data_type: decimal, config: {meta: {minimum: 0}}}
          - {name: note, data_type: text}
      - name: items
        config:
          meta:
            files: ["items*"]
            key: [order_id, line_number]
            references: [{column: order_id, table: orders}]
        columns:
          - {name: order_id, data_type: id}
          - {name: line_number, data_type: integer}
          - {name: quantity, data_type: integer}
      - name: visits
        config: {meta: {files: ["visits*"], event_time: at}}
        columns:
          - {name: at, data_type: timestamp, config: {meta: {required: true}}}
          - {name: page, data_type: text}
      - name: people
        config: {meta: {files: ["people*"], schema: vault, key: [user_id]}}
        columns:
          - {name: user_id, data_type: id}
          - {name: email, data_type: text}
          - {name: birth_year, data_type: integer}
"""
HEADER = "order_id,user_id,ordered_at,amount,note\n"


@dataclass(frozen=True)
class TrialSettings(Settings):
    """Settings whose dbt project is the trial's own."""

    @property
    def dbt_project(self) -> Path:
        return self.home / "dbt_project"


@cache
def _new_ledger() -> bytes:
    """Return the bytes of a ledger that is up to date and empty: migrating one takes longest."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        Ledger(f"sqlite:///{path}").close()
        with sqlite3.connect(path) as connection:
            connection.execute("pragma wal_checkpoint(truncate)")
        connection.close()
        return path.read_bytes()


class Shop:
    """Declare, deliver, ingest, look."""

    def __init__(self, home: Path, declaration: str = DECLARATION) -> None:
        self.settings = TrialSettings(
            home=home, source="shop", ledger_url=f"sqlite:///{home / 'ledger' / 'ledger.db'}"
        )
        path = home / "ledger" / "ledger.db"
        if not path.exists():
            path.parent.mkdir(parents=True, mode=0o700)
            path.write_bytes(_new_ledger())
            path.chmod(0o600)
        self.ledger = Ledger.open(self.settings)
        self.declare(declaration)

    def declare(self, declaration: str) -> None:
        path = self.settings.dbt_project / "models" / "staging" / "shop" / "_shop__sources.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(declaration, encoding="utf-8")

    def deliver(self, day: str, manifest: bool | Mapping[str, object] = False, **files: str | bytes) -> Path:
        """Write files (`orders_csv=…` becomes orders.csv) into a day's folder."""
        folder = self.settings.landing / day
        folder.mkdir(parents=True, exist_ok=True)
        listed = []
        for key, content in files.items():
            stem, _, ending = key.partition("_")
            name = f"{stem}.{ending.replace('_', '.')}"
            data = content.encode() if isinstance(content, str) else content
            if name.endswith(".gz") and not data.startswith(b"\x1f\x8b"):
                data = gzip.compress(data, mtime=0)
            (folder / name).write_bytes(data)
            listed.append({"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
        if manifest is not False:
            more = {} if manifest is True else dict(manifest)
            (folder / "_manifest.json").write_text(json.dumps({"files": listed, **more}))
        return folder

    def ingest(self, through: date | None = None) -> IngestReport:
        """Ingest, and check that the ledger, the report and the tables say the same."""
        report = ingest(self.settings, self.ledger, through=through, progress=lambda line: None)
        for outcome in report.accepted:
            parts = outcome.rows_accepted + outcome.rows_quarantined + outcome.rows_duplicate
            assert outcome.rows_received == parts
        assert sum(d.rows_quarantined for d in self.ledger.deliveries("shop")) == self.count(
            "quarantine.rows"
        )
        return report

    def rebuild(self) -> None:
        rebuild(self.settings, self.ledger, progress=lambda line: None)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(self.settings.build_file)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            return connection.execute(sql).fetchall()

    def count(self, table: str) -> int:
        (found,) = self.rows(f"select count(*) from {table}")[0]
        assert isinstance(found, int)
        return found

    def codes(self) -> list[tuple[object, ...]]:
        """Return line and reason code of every quarantined row, in order."""
        return self.rows("select source_line, reason_code from quarantine.rows order by all")

    def digest(self) -> str:
        """Return the hash of everything accepted, without the names of files, lines and deliveries."""
        meta = "exclude (delivery_id, delivery_number, source_file, source_line)"
        found = [
            self.rows(f"select * {meta} from {table} order by all")
            for table in ("raw.shop__orders", "raw.shop__items", "raw.shop__visits", "vault.shop__people")
        ]
        return hashlib.sha256(repr(found).encode()).hexdigest()


def orders(count: int = 10, day: str = "2025-03-05", first: int = 1) -> str:
    """Return the text of a file of good orders."""
    lines = [f"o{n},u{n % 7},{day} 10:00:{n % 60:02},{n}.50,fine\n" for n in range(first, first + count)]
    return HEADER + "".join(lines)
