"""Decisions on models: who is champion from which day on, and why. Nothing is ever changed or removed.

Every decision takes the same lock first, so that two of them are never made on one state.
"""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from warehouse.errors import Busy
from warehouse.ledger.audit_book import Action
from warehouse.ledger.in_force import decision_in_force, rolled_back_models
from warehouse.ledger.model_book import ModelBook
from warehouse.ledger.records import LedgerError, Model, ModelDecision
from warehouse.ledger.tables import counters, model_decisions, models

TRAINING_VERDICTS = ("promoted", "kept", "refused")
COUNTER = "model_decision"
ALWAYS = date.max


class DecisionBook(ModelBook):
    """The part of the ledger that knows champions."""

    def record_decision(
        self,
        challenger: str,
        verdict: str,
        reason: str,
        *,
        judged_against: str | None,
        figures: Mapping[str, Any] | None = None,
        decided_by: str = "training",
    ) -> ModelDecision:
        """Record what training came to about a model, once: a model that was decided on stays so.

        The decision counts from the model's trained_as_of on. While a champion is pinned, a promotion is
        recorded as ``kept``, and says so.

        Parameters
        ----------
        challenger : str
            The model; recorded already.
        verdict : str
            promoted, kept or refused.
        reason : str
            In words, with numbers.
        judged_against : str or None
            The champion that it was compared with (`champion_for` its definition and training day).
        figures : mapping, optional
            What the verdict rests on; kept as JSON, figures that are no numbers as null.
        decided_by : str
            Who decided.

        Returns
        -------
        ModelDecision
            As it stands: of an earlier call, if there was one.

        Raises
        ------
        Busy
            If somebody else changed the champion meanwhile: judge again, against the new one.
        LedgerError
            If the model is not known, or training cannot come to such a verdict.
        """
        if verdict not in TRAINING_VERDICTS:
            raise LedgerError(
                "Training cannot come to this verdict", verdict, f"use one of {TRAINING_VERDICTS}"
            )
        with self.writing() as connection:
            self._lock(connection)
            model = self._model(connection, challenger)
            every = self._decisions(connection, model.source, model.definition_id)
            for known in every:
                if known.challenger == challenger and known.verdict in TRAINING_VERDICTS:
                    return known
            current = self._in_force(connection, every, model.trained_as_of)
            champion = current.challenger if current else None
            if champion != judged_against and verdict != "refused":
                raise Busy(
                    f"The champion for {model.trained_as_of} is {champion}, but {challenger} was judged "
                    f"against {judged_against}",
                    None,
                    "judge it again",
                )
            if verdict == "promoted" and current is not None and current.verdict == "pinned":
                verdict = "kept"
                reason = f"The champion {champion} is pinned. Without the pin: {reason}"
            return self._decide(
                connection,
                model,
                decided_for=model.trained_as_of,
                champion=champion,
                verdict=verdict,
                reason=reason,
                decided_by=decided_by,
                figures=figures,
            )

    def decision_on(self, model_version: str) -> ModelDecision | None:
        """Return what training came to about a model, or None."""
        statement = sa.select(model_decisions).where(
            model_decisions.c.challenger == model_version, model_decisions.c.verdict.in_(TRAINING_VERDICTS)
        )
        with self.reading() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else ModelDecision(**row._mapping)

    def model_decisions(self, source: str, definition_id: str | None = None) -> tuple[ModelDecision, ...]:
        """Return every decision of a source, of one definition or of all, in the order they were made."""
        with self.reading() as connection:
            return self._decisions(connection, source, definition_id)

    def champion_for(self, source: str, definition_id: str, as_of_date: date) -> Model | None:
        """Return the model that scores a day which is not pinned to one yet, or None; see `in_force`."""
        with self.reading() as connection:
            every = self._decisions(connection, source, definition_id)
            decision = self._in_force(connection, every, as_of_date)
            return None if decision is None else self._model(connection, decision.challenger)

    def pin_for(self, source: str, definition_id: str, as_of_date: date) -> ModelDecision | None:
        """Return the pin that holds on a day, or None."""
        with self.reading() as connection:
            every = self._decisions(connection, source, definition_id)
            decision = self._in_force(connection, every, as_of_date)
        return decision if decision is not None and decision.verdict == "pinned" else None

    def withdraw_model(self, model_version: str) -> Model:
        """Take a model out for good: it scores no day that is not scored yet, pinned or not."""
        with self.writing() as connection:
            self._lock(connection)
            model = self._model(connection, model_version)
            self._set_status(connection, model_version, "withdrawn")
            self._keep_statuses(connection, model.source, model.definition_id)
            return self._model(connection, model_version)

    def _lock(self, connection: Connection) -> None:
        """Wait for any other decision to be made; what is read from here on is what it left."""
        connection.execute(counters.update().where(counters.c.name == COUNTER).values(value=counters.c.value))

    def _decisions(
        self, connection: Connection, source: str, definition_id: str | None
    ) -> tuple[ModelDecision, ...]:
        statement = (
            sa.select(model_decisions).filter_by(source=source).order_by(model_decisions.c.decision_number)
        )
        if definition_id is not None:
            statement = statement.where(model_decisions.c.definition_id == definition_id)
        return tuple(ModelDecision(**row._mapping) for row in connection.execute(statement))

    def _in_force(
        self, connection: Connection, every: Sequence[ModelDecision], as_of_date: date
    ) -> ModelDecision | None:
        return decision_in_force(every, as_of_date, self._withdrawn(connection, every))

    def _withdrawn(self, connection: Connection, every: Sequence[ModelDecision]) -> frozenset[str]:
        names = {decision.challenger for decision in every}
        withdrawn = sa.select(models.c.model_version).where(
            models.c.model_version.in_(names), models.c.status == "withdrawn"
        )
        return frozenset(connection.execute(withdrawn).scalars())

    def _decide(
        self,
        connection: Connection,
        model: Model,
        *,
        decided_for: date,
        champion: str | None,
        verdict: str,
        reason: str,
        decided_by: str,
        figures: Mapping[str, Any] | None = None,
    ) -> ModelDecision:
        decision = ModelDecision(
            decision_number=self.next_number(connection, COUNTER),
            source=model.source,
            definition_id=model.definition_id,
            decided_for=decided_for,
            challenger=model.model_version,
            champion=champion,
            verdict=verdict,
            reason=reason,
            figures_json=figures_as_json(figures or {}),
            decided_by=decided_by,
            decided_at=self.clock(),
        )
        connection.execute(model_decisions.insert().values(**decision.__dict__))
        self._keep_statuses(connection, model.source, model.definition_id)
        details = {"definition_id": model.definition_id, "decided_for": decided_for.isoformat()}
        done = Action(decided_by, f"model.{verdict}", model.model_version, details)
        self.append_actions(connection, [done])
        return decision

    def _keep_statuses(self, connection: Connection, source: str, definition_id: str) -> None:
        """Bring the status of every model of a definition in line with the decisions."""
        every = self._decisions(connection, source, definition_id)
        in_force = self._in_force(connection, every, ALWAYS)
        was_champion = {one.challenger for one in every if one.verdict in ("promoted", "pinned", "unpinned")}
        refused = {one.challenger for one in every if one.verdict == "refused"}
        rolled_back = rolled_back_models(every)
        of_definition = sa.select(models).filter_by(source=source, definition_id=definition_id)
        for row in connection.execute(of_definition).all():
            name = row.model_version
            if in_force is not None and name == in_force.challenger:
                status = "champion"
            elif row.status == "withdrawn" or name in rolled_back:
                status = "withdrawn"
            elif name in was_champion:
                status = "retired"
            else:
                status = "refused" if name in refused else "challenger"
            if status != row.status:
                self._set_status(connection, name, status)

    def _set_status(self, connection: Connection, model_version: str, status: str) -> None:
        connection.execute(models.update().filter_by(model_version=model_version).values(status=status))


def figures_as_json(figures: Mapping[str, Any]) -> str:
    """Return figures as JSON that every reader accepts: what is not a finite number becomes null."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key): plain(other) for key, other in value.items()}
        if isinstance(value, list | tuple):
            return [plain(other) for other in value]
        if isinstance(value, str | bool | int) or value is None:
            return value
        if isinstance(value, date):
            return str(value)
        return float(value) if math.isfinite(value) else None

    return json.dumps(plain(figures), sort_keys=True, allow_nan=False)
