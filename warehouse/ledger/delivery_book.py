"""Deliveries and their files: what arrived, and what became of it."""

import json
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from warehouse.ledger.records import Delivery, DeliveryFile
from warehouse.ledger.store import Store
from warehouse.ledger.tables import deliveries, delivery_files


class DeliveryBook(Store):
    """The part of the ledger that knows deliveries."""

    def next_delivery_number(self) -> int:
        """Take a delivery number: higher than all before, never given twice. Gaps do no harm."""
        with self.writing() as connection:
            return self.next_number(connection, "delivery")

    def next_delivery_numbers(self, count: int) -> list[int]:
        """Take several delivery numbers at once, in rising order."""
        with self.writing() as connection:
            return [self.next_number(connection, "delivery") for _ in range(count)]

    def record_delivery(self, delivery: Delivery, files: Sequence[DeliveryFile]) -> Delivery:
        """Record a delivery with its files in one transaction.

        A delivery that is recorded already is replaced with its files as long as it was not
        accepted: a refused folder may be mended and delivered again. An accepted one stands,
        and recording it again changes nothing.

        Returns
        -------
        Delivery
            As it now stands in the ledger.
        """
        with self.writing() as connection:
            return self._record(connection, delivery, files)

    def record_deliveries(
        self, recorded: Sequence[tuple[Delivery, Sequence[DeliveryFile]]]
    ) -> list[Delivery]:
        """Record several deliveries as `record_delivery` does: all of them in one transaction."""
        with self.writing() as connection:
            return [self._record(connection, delivery, files) for delivery, files in recorded]

    def _record(self, connection: Connection, delivery: Delivery, files: Sequence[DeliveryFile]) -> Delivery:
        values = {
            **delivery.__dict__,
            "quarantine_reasons_json": json.dumps(dict(delivery.quarantine_reasons), sort_keys=True),
            "ingested_at": delivery.ingested_at or self.clock(),
        }
        del values["quarantine_reasons"]
        key = deliveries.c.delivery_id == delivery.delivery_id
        known = connection.execute(sa.select(deliveries).where(key)).one_or_none()
        if known is not None and known.status == "accepted":
            return _delivery(known)
        connection.execute(delivery_files.delete().filter_by(delivery_id=delivery.delivery_id))
        connection.execute(deliveries.delete().where(key))
        connection.execute(deliveries.insert().values(**values))
        if files:
            rows = [{**file.__dict__, "delivery_id": delivery.delivery_id} for file in files]
            connection.execute(delivery_files.insert(), rows)
        return _delivery(connection.execute(sa.select(deliveries).where(key)).one())

    def delivery(self, delivery_id: str) -> Delivery | None:
        """Return a delivery, or None if it was never recorded."""
        with self.reading() as connection:
            row = connection.execute(sa.select(deliveries).filter_by(delivery_id=delivery_id)).one_or_none()
        return None if row is None else _delivery(row)

    def deliveries(
        self, source: str, *, status: str | None = None, run_id: str | None = None
    ) -> tuple[Delivery, ...]:
        """Return the deliveries of a source in the order of their numbers."""
        statement = sa.select(deliveries).filter_by(source=source).order_by(deliveries.c.delivery_number)
        if status is not None:
            statement = statement.where(deliveries.c.status == status)
        if run_id is not None:
            statement = statement.where(deliveries.c.run_id == run_id)
        with self.reading() as connection:
            return tuple(_delivery(row) for row in connection.execute(statement))

    def files_of(self, delivery_id: str) -> tuple[DeliveryFile, ...]:
        """Return the files of a delivery, by path."""
        statement = (
            sa.select(delivery_files)
            .filter_by(delivery_id=delivery_id)
            .order_by(delivery_files.c.relative_path)
        )
        with self.reading() as connection:
            return tuple(_file(row) for row in connection.execute(statement))

    def recorded_files(self, source: str) -> dict[str, tuple[DeliveryFile, ...]]:
        """Return the files of every delivery of a source, by delivery_id."""
        statement = (
            sa.select(delivery_files)
            .join(deliveries, deliveries.c.delivery_id == delivery_files.c.delivery_id)
            .where(deliveries.c.source == source)
            .order_by(delivery_files.c.delivery_id, delivery_files.c.relative_path)
        )
        found: dict[str, list[DeliveryFile]] = {}
        with self.reading() as connection:
            for row in connection.execute(statement):
                found.setdefault(row.delivery_id, []).append(_file(row))
        return {delivery_id: tuple(files) for delivery_id, files in found.items()}

    def delivery_numbers(self, source: str) -> frozenset[int]:
        """Return the numbers of all accepted deliveries: raw rows with another number are leftovers."""
        statement = sa.select(deliveries.c.delivery_number).filter_by(source=source, status="accepted")
        with self.reading() as connection:
            return frozenset(connection.execute(statement).scalars())

    def accepted_file_hashes(self, source: str) -> dict[tuple[str, str], str]:
        """Return (table_name, sha256) of every accepted file, and the delivery that first brought it."""
        statement = (
            sa.select(delivery_files.c.table_name, delivery_files.c.sha256, deliveries.c.delivery_id)
            .join(deliveries, deliveries.c.delivery_id == delivery_files.c.delivery_id)
            .where(deliveries.c.source == source, deliveries.c.status == "accepted")
            .order_by(deliveries.c.delivery_number.desc())
        )
        with self.reading() as connection:
            return {(row.table_name, row.sha256): row.delivery_id for row in connection.execute(statement)}


def _delivery(row: Row) -> Delivery:  # type: ignore[type-arg]
    values = dict(row._mapping)
    values["quarantine_reasons"] = json.loads(values.pop("quarantine_reasons_json"))
    return Delivery(**values)


def _file(row: Row) -> DeliveryFile:  # type: ignore[type-arg]
    values = dict(row._mapping)
    del values["delivery_id"]
    return DeliveryFile(**values)
