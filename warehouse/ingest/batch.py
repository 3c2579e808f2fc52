"""Many deliveries at once, set by set: type, judge, settle, store."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cached_property

import duckdb
import pyarrow as pa

from warehouse.ingest.candidates import Candidate, CandidateFile, is_native, utc_start_of
from warehouse.ingest.quarantining import orphan_sql, store_quarantine
from warehouse.ingest.settling import excuse_versions_sql, good_rows_sql, settled_sql
from warehouse.ingest.tables import store_settled
from warehouse.ingest.typing_rules import typed_select
from warehouse.ingest.volume import VolumeHistory, volume_refusal
from warehouse.sources import Source, Table

BATCH_DELIVERIES = 60
BATCH_BYTES = 256 * 1024**2


class Batch:
    """Some deliveries, in the order in which they count.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The build file, open for writing.
    source : Source
        The declaration.
    candidates : list of Candidate
        Read, not yet judged.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, source: Source, candidates: list[Candidate]
    ) -> None:
        self.connection = connection
        self.source = source
        self.candidates = candidates
        self.files: list[tuple[int, Candidate, CandidateFile]] = []
        for order, candidate in enumerate(candidates):
            for file in candidate.files if candidate.is_taken else []:
                if not file.landed.repeats:
                    file.index = len(self.files)
                    self.files.append((order, candidate, file))
        present = {file.landed.table.name for _, _, file in self.files}
        self.tables: list[Table] = [table for table in source.parents_first if table.name in present]

    def judge(self, history: VolumeHistory) -> None:
        """Type every row; refuse deliveries with too many bad rows (orphans count) or an odd volume."""
        self._type_rows()
        while True:
            self._excuse_versions()
            taken = sum(candidate.is_taken for candidate in self.candidates)
            self._refuse_in_order(history)
            if sum(candidate.is_taken for candidate in self.candidates) < taken:
                # a refused delivery makes no row of another one known
                continue
            self._settle()
            flooded = next((c for c in self.candidates if c.is_taken and c.flood(self.source)), None)
            if flooded is None:
                return
            # later deliveries may have leaned on this one: judge them again without it
            flooded.refusal = f"{flooded.arrival.day}: {flooded.flood(self.source)}"

    def replay(self) -> None:
        """Type and settle deliveries that were accepted before, without judging them again."""
        self._type_rows()
        self._excuse_versions()
        self._settle()

    def store(self) -> None:
        """Write accepted rows, quarantine and duplicates in one transaction.

        The candidates carry their delivery numbers by now.
        """
        for candidate in self.candidates:
            if candidate.is_taken:
                candidate.check_conservation()
        self._describe_files()
        self.connection.begin()
        try:
            for table in self.tables:
                store_settled(self.connection, self.source, table)
                mine = [(c, f) for _, c, f in self.files]
                store_quarantine(self.connection, self.source, table, mine)
            taken = [c for c in self.candidates if c.status == "accepted"]
            if taken:
                self.connection.execute(
                    "insert into control.loaded_deliveries select unnest(?), unnest(?)",
                    [[c.arrival.delivery_id for c in taken], [c.delivery_number for c in taken]],
                )
            self.connection.commit()
        except BaseException:
            self.connection.rollback()
            raise

    def clear(self) -> None:
        """Drop the working tables."""
        for name in ["good", "batch_files"]:
            self.connection.execute(f"drop table if exists temp.{name}")
        for table in self.tables:
            self.connection.execute(f"drop table if exists temp.typed_{table.name}")
            self.connection.execute(f"drop table if exists temp.settled_{table.name}")

    def _type_rows(self) -> None:
        self._describe_files()
        for table in self.tables:
            parts = [f.read.arrow(f.index) for _, _, f in self.files if f.landed.table.name == table.name]
            self.connection.register("received", pa.concat_tables(parts))
            select = typed_select(table, "received", "batch_files")
            self.connection.execute(f"create or replace temp table typed_{table.name} as {select}")
            self.connection.unregister("received")
            self._count(
                "select file_index, code, count(*), "
                "min_by((line_number, bad_column, bad_value), line_number) "
                f"from typed_{table.name} where code is not null group by all order by all",
                _count_bad,
            )

    @cached_property
    def late_tables(self) -> frozenset[str]:
        """Names of the tables that have late rows, before any is excused."""
        return frozenset(f.landed.table.name for _, _, f in self.files if f.bad["too_late"])

    def _excuse_versions(self) -> None:
        """Let late rows pass whose key is known: an order that is refunded after months is not late."""
        self._describe_files()
        for table in self.tables:
            if table.key and table.name in self.late_tables:
                self.connection.execute(excuse_versions_sql(table))
                for _, _, file in self.files:
                    if file.landed.table.name == table.name:
                        del file.bad["too_late"]
                self._count(
                    f"select file_index, code, count(*), null from typed_{table.name} "
                    "where code = 'too_late' group by all order by all",
                    _count_bad,
                )

    def _settle(self) -> None:
        self._describe_files()
        for _, _, file in self.files:
            file.forget_fates()
        names = frozenset(table.name for table in self.tables)
        for table in self.tables:
            self.connection.execute(good_rows_sql(self.source, table, names))
            self.connection.execute(settled_sql(table))
            late = "false"
            if table.event_time:
                late = f"v{table.column_names.index(table.event_time)} < day_start and not is_history"
            self._count(
                f"select file_index, fate, count(*), count(*) filter ({late}), "
                "count(*) filter (is_kept_orphan), "
                f"min_by((line_number, {orphan_sql(table)}), line_number) filter (fate = 'orphan') "
                f"from settled_{table.name} inner join batch_files using (file_index) "
                "group by all order by all",
                _count_fate,
            )

    def _count(self, query: str, add: Callable[[CandidateFile, tuple[object, ...]], None]) -> None:
        for index, *values in self.connection.execute(query).fetchall():
            add(self.files[index][2], tuple(values))

    def _refuse_in_order(self, history: VolumeHistory) -> None:
        trial = history.copy()
        for candidate in self.candidates:
            if not candidate.is_taken or candidate.is_duplicate:
                continue
            candidate.refusal = self._objection(candidate, trial)
            if candidate.is_taken:
                add_volume(trial, candidate, self.source)

    def _objection(self, candidate: Candidate, history: VolumeHistory) -> str | None:
        flood = candidate.flood(self.source)
        if flood:
            return f"{candidate.arrival.day}: {flood}"
        if candidate.arrival.history or candidate.arrival.is_part:
            return None
        for table in self.source.tables:
            if table.required:
                rows = candidate.rows(table.name)
                refusal = volume_refusal(history, table, candidate.arrival.day, rows)
                if refusal:
                    return refusal
        return None

    def _describe_files(self) -> None:
        zone = self.source.time_zone
        rows = []
        for order, candidate, file in self.files:
            day, table = candidate.arrival.day, file.landed.table
            late_days = None if candidate.arrival.history else table.late_days_allowed
            late_limit = None if late_days is None else utc_start_of(day - timedelta(days=late_days), zone)
            rows.append(
                {
                    "file_index": file.index,
                    "delivery_order": order,
                    "is_taken": candidate.is_taken,
                    "delivery_id": candidate.arrival.delivery_id,
                    "delivery_number": candidate.delivery_number,
                    "source_file": file.landed.relative_path,
                    "is_native": is_native(file),
                    "is_history": candidate.arrival.history,
                    "known_on": candidate.known_on,
                    "known_at_latest": max(candidate.known_on, day),
                    "day_start": utc_start_of(day, zone),
                    "future_limit": utc_start_of(day + timedelta(days=2), zone),
                    "late_limit": late_limit,
                }
            )
        self.connection.register("described", pa.Table.from_pylist(rows, schema=_FILES))
        self.connection.execute("create or replace temp table batch_files as select * from described")
        self.connection.unregister("described")


def add_volume(history: VolumeHistory, candidate: Candidate, source: Source) -> None:
    """Count an accepted delivery's rows in the history of volumes."""
    if not candidate.arrival.history and not candidate.arrival.is_part:
        for table in source.tables:
            if table.required:
                history.add(table.name, candidate.arrival.day, candidate.rows(table.name))


def _count_bad(file: CandidateFile, values: tuple[object, ...]) -> None:
    code, rows, first = values
    assert isinstance(code, str) and isinstance(rows, int)  # noqa: S101
    file.bad[code] += rows
    if first is None:
        return
    assert isinstance(first, Iterable)  # noqa: S101
    line, column, value = first
    if file.example is None or line < file.example[0]:
        file.example = (line, code, column, value)


def _count_fate(file: CandidateFile, values: tuple[object, ...]) -> None:
    fate, rows, late, orphans, first = values
    assert isinstance(rows, int) and isinstance(late, int) and isinstance(orphans, int)  # noqa: S101
    if fate == "orphan":
        file.bad["orphan"] += rows
        assert isinstance(first, Iterable)  # noqa: S101
        line, column, value = first
        file.first_orphan = (line, "orphan", column, value)
    elif fate == "duplicate":
        file.duplicates += rows
    else:
        file.accepted += rows
        file.late += late
        file.orphans += orphans
        file.conflicts += rows if fate == "version" else 0


_FILES = pa.schema(
    {
        "file_index": pa.int32(),
        "delivery_order": pa.int32(),
        "is_taken": pa.bool_(),
        "delivery_id": pa.string(),
        "delivery_number": pa.int64(),
        "source_file": pa.string(),
        "is_native": pa.bool_(),
        "is_history": pa.bool_(),
        "known_on": pa.date32(),
        "known_at_latest": pa.date32(),
        "day_start": pa.timestamp("us"),
        "future_limit": pa.timestamp("us"),
        "late_limit": pa.timestamp("us"),
    }
)
