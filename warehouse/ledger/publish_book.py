"""Publishes and pointer moves: which snapshot was served when, and why."""

import dataclasses
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from warehouse.ledger.audit_book import Action, AuditBook, operator
from warehouse.ledger.records import LedgerError, Publish
from warehouse.ledger.tables import pointer_moves, publishes, runs


class PublishBook(AuditBook):
    """The part of the ledger that knows what readers are served."""

    def record_publish(self, publish: Publish) -> Publish:
        """Record a prepared publish, once per run: recording it again gives back what stands."""
        with self.writing() as connection:
            connection.execute(self.insert_or_ignore(publishes, dataclasses.asdict(publish)))
        return self.publish_of(publish.run_id)

    def finish_publish(self, run_id: str, *, pointer_moved: bool, from_run_id: str | None) -> Publish:
        """Record that a prepared publish is done. Doing it twice records one pointer move."""
        with self.writing() as connection:
            done = connection.execute(
                publishes.update()
                .where(publishes.c.run_id == run_id, publishes.c.state == "prepared")
                .values(state="done", pointer_moved=pointer_moved, published_at=self.clock())
            )
            if done.rowcount and pointer_moved:
                self._move(connection, run_id, from_run_id, "publish")
        return self.publish_of(run_id)

    def record_rollback(self, run_id: str, from_run_id: str | None) -> Publish:
        """Record that readers were put back to an older snapshot."""
        with self.writing() as connection:
            if from_run_id is not None:
                connection.execute(
                    publishes.update()
                    .where(publishes.c.run_id == from_run_id)
                    .values(rolled_back_at=self.clock())
                )
            self._move(connection, run_id, from_run_id, "rollback")
        return self.publish_of(run_id)

    def discard_publish(self, run_id: str) -> None:
        """Forget a prepared publish whose snapshot is gone, so that its run can publish again."""
        with self.writing() as connection:
            connection.execute(publishes.delete().filter_by(run_id=run_id, state="prepared"))

    def publish_of(self, run_id: str) -> Publish:
        """Return the publish of a run; LedgerError if it has none."""
        found = self.find_publish(run_id)
        if found is None:
            raise LedgerError(
                "The run has published nothing", run_id, "list runs with `python -m warehouse status`"
            )
        return found

    def find_publish(self, run_id: str) -> Publish | None:
        """Return the publish of a run, or None."""
        with self.reading() as connection:
            row = connection.execute(sa.select(publishes).filter_by(run_id=run_id)).one_or_none()
        return None if row is None else Publish(**row._mapping)

    def publishes(self, *, state: str | None = None) -> tuple[Publish, ...]:
        """Return every publish in the order of its epoch."""
        statement = sa.select(publishes).order_by(publishes.c.epoch)
        if state is not None:
            statement = statement.where(publishes.c.state == state)
        with self.reading() as connection:
            return tuple(Publish(**row._mapping) for row in connection.execute(statement))

    def newest_publish(self, source: str, *, leaving_out: Collection[str] = ()) -> Publish | None:
        """Return the finished publish of a source that stands furthest in time, or None.

        Parameters
        ----------
        source : str
            The shop.
        leaving_out : collection of str
            Kinds of runs whose publishes do not count, for instance ``refresh``.
        """
        statement = (
            sa.select(publishes)
            .join(runs, runs.c.run_id == publishes.c.run_id)
            .where(
                publishes.c.source == source,
                publishes.c.state == "done",
                runs.c.kind.not_in(list(leaving_out)),
            )
            .order_by(publishes.c.as_of_date.desc(), publishes.c.epoch.desc())
            .limit(1)
        )
        with self.reading() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Publish(**row._mapping)

    def current_publish(self) -> Publish | None:
        """Return the publish that readers are served, or None before the first."""
        statement = (
            sa.select(publishes)
            .join(pointer_moves, pointer_moves.c.run_id == publishes.c.run_id)
            .order_by(pointer_moves.c.move_number.desc())
            .limit(1)
        )
        with self.reading() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Publish(**row._mapping)

    def pointer_history(self) -> tuple[tuple[str, str], ...]:
        """Return (why, run_id) of every pointer move, oldest first."""
        statement = sa.select(pointer_moves).order_by(pointer_moves.c.move_number)
        with self.reading() as connection:
            return tuple((row.why, row.run_id) for row in connection.execute(statement))

    def _move(self, connection: Connection, run_id: str, from_run_id: str | None, why: str) -> None:
        connection.execute(
            pointer_moves.insert().values(
                move_number=self.next_number(connection, "pointer_move"),
                run_id=run_id,
                from_run_id=from_run_id,
                why=why,
                moved_at=self.clock(),
            )
        )
        details: dict[str, str | int] = {} if from_run_id is None else {"from_run_id": from_run_id}
        self.append_actions(connection, [Action(operator(), f"pointer.{why}", run_id, details)])
