"""Runs, built days and gate results: what was attempted, and how it went."""

from collections.abc import Collection, Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from warehouse.errors import SupersededRun
from warehouse.ledger.records import BuiltDay, GateResult, LedgerError, Run
from warehouse.ledger.store import Store
from warehouse.ledger.tables import built_days, gate_results, runs


class RunBook(Store):
    """The part of the ledger that knows runs."""

    def begin_run(self, kind: str, source: str, as_of_date: date, trigger: str = "manual") -> Run:
        """Begin a run; an unfinished older run of the same kind, source and day loses its right to write.

        Parameters
        ----------
        kind : str
            The stage, for instance ``ingest``, ``features``, ``train`` or ``score``.
        source : str
            The shop.
        as_of_date : date
            The day that is worked on.
        trigger : str
            What started it: ``manual``, ``scheduled``, ``backfill``, …

        Returns
        -------
        Run
            With an epoch that no other run has and that is higher than all before.
        """
        with self.writing() as connection:
            epoch = self.next_number(connection, "epoch")
            run = Run(
                run_id=f"{as_of_date:%Y%m%d}-{epoch:06d}",
                epoch=epoch,
                kind=kind,
                source=source,
                as_of_date=as_of_date,
                status="running",
                trigger=trigger,
                started_at=self.clock(),
            )
            connection.execute(
                runs.update()
                .where(*_same_work(run), runs.c.status == "running")
                .values(status="superseded", finished_at=run.started_at, reason=f"run {run.run_id} took over")
            )
            connection.execute(runs.insert().values(**run.__dict__))
        return run

    def finish_run(self, run: Run) -> Run:
        """Record that a run succeeded.

        Raises
        ------
        SupersededRun
            If a newer run has taken over.
        """
        with self.writing() as connection:
            self._assert_newest(connection, run)
            self._close(connection, run, "succeeded", None)
        return self.run(run.run_id)

    def fail_run(self, run: Run, reason: str) -> Run:
        """Record that a run failed and why; a superseded run stays superseded, with the reason added."""
        with self.writing() as connection:
            now = connection.execute(sa.select(runs.c.status).where(runs.c.run_id == run.run_id)).scalar()
            self._close(connection, run, "superseded" if now == "superseded" else "failed", reason)
        return self.run(run.run_id)

    def assert_epoch_current(self, run: Run) -> None:
        """Make sure that no newer run of the same kind, source and day has begun.

        Raises
        ------
        SupersededRun
            If one has: this run must not write any more.
        """
        with self.reading() as connection:
            self._assert_newest(connection, run)

    def run(self, run_id: str) -> Run:
        """Return a run by its id; LedgerError if there is none."""
        with self.reading() as connection:
            row = connection.execute(sa.select(runs).where(runs.c.run_id == run_id)).one_or_none()
        if row is None:
            raise LedgerError(
                "The ledger knows no such run", run_id, "list runs with `python -m warehouse status`"
            )
        return _run(row)

    def recent_runs(
        self, source: str, limit: int = 20, *, leaving_out: Collection[str] = ()
    ) -> tuple[Run, ...]:
        """Return the newest runs of a source, newest first; kinds of which there are many can be left out."""
        statement = (
            sa.select(runs)
            .where(runs.c.source == source, runs.c.kind.not_in(list(leaving_out)))
            .order_by(runs.c.epoch.desc())
            .limit(limit)
        )
        with self.reading() as connection:
            return tuple(_run(row) for row in connection.execute(statement))

    def runs_of_day(self, source: str, as_of_date: date) -> tuple[Run, ...]:
        """Return the runs of a source's day, oldest first."""
        statement = sa.select(runs).filter_by(source=source, as_of_date=as_of_date).order_by(runs.c.epoch)
        with self.reading() as connection:
            return tuple(_run(row) for row in connection.execute(statement))

    def open_failures(self, source: str) -> tuple[Run, ...]:
        """Return failed runs that no later run of the same kind and day has made good, newest first."""
        later = runs.alias("later")
        made_good = sa.exists().where(
            later.c.source == runs.c.source,
            later.c.kind == runs.c.kind,
            later.c.as_of_date == runs.c.as_of_date,
            later.c.epoch > runs.c.epoch,
            later.c.status.in_(("succeeded", "running", "failed")),
        )
        statement = (
            sa.select(runs)
            .where(runs.c.source == source, runs.c.status == "failed", ~made_good)
            .order_by(runs.c.epoch.desc())
        )
        with self.reading() as connection:
            return tuple(_run(row) for row in connection.execute(statement))

    def record_built_day(self, run: Run, features_digest: str | None = None) -> BuiltDay:
        """Record that the features of the run's day passed their gate; a rebuilt day replaces its record."""
        key = {"source": run.source, "as_of_date": run.as_of_date}
        values = {"run_id": run.run_id, "features_digest": features_digest, "built_at": self.clock()}
        with self.writing() as connection:
            self._assert_newest(connection, run)
            connection.execute(self.insert_or_ignore(built_days, key | values))
            connection.execute(built_days.update().filter_by(**key).values(**values))
        return BuiltDay(**key, **values)  # type: ignore[arg-type]

    def newest_built_day(self, source: str) -> date | None:
        """Return the newest day whose features passed their gate, or None."""
        statement = sa.select(sa.func.max(built_days.c.as_of_date)).where(built_days.c.source == source)
        with self.reading() as connection:
            return connection.execute(statement).scalar()

    def built_days(self, source: str) -> tuple[BuiltDay, ...]:
        """Return every built day of a source, oldest first."""
        statement = sa.select(built_days).filter_by(source=source).order_by(built_days.c.as_of_date)
        with self.reading() as connection:
            return tuple(BuiltDay(**row._mapping) for row in connection.execute(statement))

    def record_gate_results(self, run_id: str, results: Sequence[GateResult]) -> None:
        """Record the results of one or more gates; a gate checked again replaces its earlier results."""
        gates = {result.gate for result in results}
        rows = [
            {
                **{name: value for name, value in result.__dict__.items() if name != "column"},
                "run_id": run_id,
                "position": position,
                "column_name": result.column,
                "checked_at": result.checked_at or self.clock(),
            }
            for position, result in enumerate(results)
        ]
        with self.writing() as connection:
            connection.execute(
                gate_results.delete().where(gate_results.c.run_id == run_id, gate_results.c.gate.in_(gates))
            )
            if rows:
                connection.execute(gate_results.insert(), rows)

    def gate_results(self, run_id: str) -> tuple[GateResult, ...]:
        """Return what the gates of a run found, in the order in which it was recorded."""
        statement = (
            sa.select(gate_results)
            .filter_by(run_id=run_id)
            .order_by(gate_results.c.checked_at, gate_results.c.gate, gate_results.c.position)
        )
        with self.reading() as connection:
            return tuple(_gate_result(row) for row in connection.execute(statement))

    def _assert_newest(self, connection: Connection, run: Run) -> None:
        newest = connection.execute(
            sa.select(runs.c.run_id).where(*_same_work(run)).order_by(runs.c.epoch.desc()).limit(1)
        ).scalar()
        if newest is None:
            raise LedgerError("The ledger knows no such run", run.run_id, "begin it with this ledger")
        if newest != run.run_id:
            raise SupersededRun(
                f"Run {run.run_id} ({run.kind}, {run.as_of_date}) must not write any more: "
                "a newer run of the same day has begun",
                newest,
                "nothing; the newer run does the work",
            )

    def _close(self, connection: Connection, run: Run, status: str, reason: str | None) -> None:
        connection.execute(
            runs.update()
            .where(runs.c.run_id == run.run_id)
            .values(status=status, reason=reason, finished_at=self.clock())
        )


def _same_work(run: Run) -> tuple[sa.ColumnElement[bool], ...]:
    return (runs.c.source == run.source, runs.c.kind == run.kind, runs.c.as_of_date == run.as_of_date)


def _run(row: Row) -> Run:  # type: ignore[type-arg]
    return Run(**row._mapping)


def _gate_result(row: Row) -> GateResult:  # type: ignore[type-arg]
    values = dict(row._mapping)
    values["column"] = values.pop("column_name")
    del values["run_id"], values["position"]
    return GateResult(**values)
