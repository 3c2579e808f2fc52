"""Models and their uses: what was trained, and which model a day was scored with."""

import dataclasses
from datetime import date

import sqlalchemy as sa

from warehouse.ledger.records import LedgerError, Model, ModelUse
from warehouse.ledger.store import Store
from warehouse.ledger.tables import model_uses, models


class ModelBook(Store):
    """The part of the ledger that knows models."""

    def record_model(self, model: Model) -> Model:
        """Record a model, once: a version that is recorded already stands as it is."""
        values = dataclasses.asdict(model) | {"created_at": model.created_at or self.clock()}
        with self.writing() as connection:
            connection.execute(self.insert_or_ignore(models, values))
        return self.model(model.model_version)

    def set_model_status(self, model_version: str, status: str) -> Model:
        """Change what is thought of a model, for instance from ``accepted`` to ``withdrawn``."""
        with self.writing() as connection:
            connection.execute(models.update().filter_by(model_version=model_version).values(status=status))
        return self.model(model_version)

    def model(self, model_version: str) -> Model:
        """Return a model; LedgerError if it was never recorded."""
        with self.reading() as connection:
            row = connection.execute(sa.select(models).filter_by(model_version=model_version)).one_or_none()
        if row is None:
            raise LedgerError(
                "The ledger knows no such model", model_version, "train it, or check the version"
            )
        return Model(**row._mapping)

    def models(self, source: str) -> tuple[Model, ...]:
        """Return every model of a source, oldest training date first."""
        statement = (
            sa.select(models)
            .filter_by(source=source)
            .order_by(models.c.trained_as_of, models.c.model_version)
        )
        with self.reading() as connection:
            return tuple(Model(**row._mapping) for row in connection.execute(statement))

    def newest_model(
        self, source: str, trained_on_or_before: date, *, horizon_days: int | None = None
    ) -> Model | None:
        """Return the accepted model with the newest training date up to a day, or None.

        Of two models with one training date, the one that was recorded later wins.
        """
        statement = (
            sa.select(models)
            .where(
                models.c.source == source,
                models.c.status == "accepted",
                models.c.trained_as_of <= trained_on_or_before,
            )
            .order_by(
                models.c.trained_as_of.desc(), models.c.created_at.desc(), models.c.model_version.desc()
            )
            .limit(1)
        )
        if horizon_days is not None:
            statement = statement.where(models.c.horizon_days == horizon_days)
        with self.reading() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Model(**row._mapping)

    def use_model(
        self, source: str, as_of_date: date, model_version: str, run_id: str | None = None
    ) -> ModelUse:
        """Pin the model of a day, and return what is pinned: the first one stays for good."""
        values = {
            "source": source,
            "as_of_date": as_of_date,
            "model_version": model_version,
            "run_id": run_id,
            "pinned_at": self.clock(),
        }
        with self.writing() as connection:
            connection.execute(self.insert_or_ignore(model_uses, values))
            pinned = sa.select(model_uses).filter_by(source=source, as_of_date=as_of_date)
            return ModelUse(**connection.execute(pinned).one()._mapping)

    def model_for_day(self, source: str, as_of_date: date) -> ModelUse | None:
        """Return the model that a day is pinned to, or None."""
        statement = sa.select(model_uses).filter_by(source=source, as_of_date=as_of_date)
        with self.reading() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else ModelUse(**row._mapping)
