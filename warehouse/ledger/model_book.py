"""Models and their uses: what was trained, and which model a day was scored with."""

import dataclasses
from datetime import date

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from warehouse.ledger.audit_book import AuditBook
from warehouse.ledger.records import LedgerError, Model, ModelUse
from warehouse.ledger.tables import model_uses, models

USABLE = ("challenger", "champion", "retired")


class ModelBook(AuditBook):
    """The part of the ledger that knows models."""

    def record_model(self, model: Model) -> Model:
        """Record a model, once: a version that is recorded already stands as it is.

        Raises
        ------
        LedgerError
            If its status is not ``challenger``: everything else is decided later, on the record.
        """
        if model.status != "challenger":
            raise LedgerError(
                f"Model {model.model_version} cannot be recorded with this status",
                model.status,
                "record it as challenger, then record the decision on it",
            )
        values = dataclasses.asdict(model) | {
            "created_at": model.created_at or self.clock(),
            "definition_id": model.definition_id or f"paid_order_{model.horizon_days}d",
        }
        with self.writing() as connection:
            connection.execute(self.insert_or_ignore(models, values))
        return self.model(model.model_version)

    def model(self, model_version: str) -> Model:
        """Return a model; LedgerError if it was never recorded."""
        with self.reading() as connection:
            return self._model(connection, model_version)

    def models(self, source: str, definition_id: str | None = None) -> tuple[Model, ...]:
        """Return every model of a source, of one definition or of all, oldest training date first."""
        statement = (
            sa.select(models)
            .filter_by(source=source)
            .order_by(models.c.trained_as_of, models.c.model_version)
        )
        if definition_id is not None:
            statement = statement.where(models.c.definition_id == definition_id)
        with self.reading() as connection:
            return tuple(Model(**row._mapping) for row in connection.execute(statement))

    def newest_model(
        self,
        source: str,
        trained_on_or_before: date,
        *,
        definition_id: str | None = None,
        horizon_days: int | None = None,
        usable_only: bool = True,
    ) -> Model | None:
        """Return the model with the newest training date up to a day, champion or not, or None.

        Which model scores is `champion_for`'s to say; this one says whether training was done. Of two models
        with one training date, the one that was recorded later wins.

        Parameters
        ----------
        source : str
            The shop.
        trained_on_or_before : date
            The day.
        definition_id : str, optional
            Only models of this definition.
        horizon_days : int, optional
            Only models of this window.
        usable_only : bool
            Whether to pass over the models that were refused or withdrawn.
        """
        statement = (
            sa.select(models)
            .where(models.c.source == source, models.c.trained_as_of <= trained_on_or_before)
            .order_by(
                models.c.trained_as_of.desc(), models.c.created_at.desc(), models.c.model_version.desc()
            )
            .limit(1)
        )
        if definition_id is not None:
            statement = statement.where(models.c.definition_id == definition_id)
        if horizon_days is not None:
            statement = statement.where(models.c.horizon_days == horizon_days)
        if usable_only:
            statement = statement.where(models.c.status.in_(USABLE))
        with self.reading() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Model(**row._mapping)

    def use_model(
        self,
        source: str,
        as_of_date: date,
        definition_id: str,
        model_version: str,
        run_id: str | None = None,
    ) -> ModelUse:
        """Pin the model of a day under a definition, and return what is pinned: the first one stays for good.

        Raises
        ------
        LedgerError
            If the model was never recorded, or is of another definition.
        """
        with self.writing() as connection:
            model = self._model(connection, model_version)
            if model.definition_id != definition_id:
                raise LedgerError(
                    f"Model {model_version} does not know churn as {definition_id}",
                    model.definition_id,
                    "score with a model of that definition",
                )
            values = {
                "source": source,
                "as_of_date": as_of_date,
                "definition_id": definition_id,
                "model_version": model_version,
                "run_id": run_id,
                "pinned_at": self.clock(),
            }
            connection.execute(self.insert_or_ignore(model_uses, values))
            pinned = sa.select(model_uses).filter_by(
                source=source, as_of_date=as_of_date, definition_id=definition_id
            )
            return ModelUse(**connection.execute(pinned).one()._mapping)

    def model_for_day(self, source: str, as_of_date: date, definition_id: str) -> ModelUse | None:
        """Return the model that a day is pinned to under a definition, or None."""
        statement = sa.select(model_uses).filter_by(
            source=source, as_of_date=as_of_date, definition_id=definition_id
        )
        with self.reading() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else ModelUse(**row._mapping)

    def _model(self, connection: Connection, model_version: str) -> Model:
        row = connection.execute(sa.select(models).filter_by(model_version=model_version)).one_or_none()
        if row is None:
            raise LedgerError(
                "The ledger knows no such model", model_version, "train it, or check the version"
            )
        return Model(**row._mapping)
