"""What people decide about champions: pin one, unpin it, go back to the one before."""

from collections.abc import Sequence
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from warehouse.ledger.decision_book import ALWAYS, DecisionBook
from warehouse.ledger.in_force import decision_in_force
from warehouse.ledger.records import LedgerError, Model, ModelDecision
from warehouse.ledger.tables import model_uses


class ChampionBook(DecisionBook):
    """The part of the ledger in which people overrule training."""

    def pin_champion(
        self, model_version: str, from_date: date | None = None, *, reason: str = "", decided_by: str
    ) -> ModelDecision:
        """Keep a model champion from a day until it is unpinned, whatever challengers do.

        A model that was withdrawn, refused or rolled back can be pinned: it is a person's decision.

        Parameters
        ----------
        model_version : str
            The model; its definition is the one that is pinned.
        from_date : date, optional
            The first day; by default the first that is neither scored nor before any decision.
        reason : str
            In words.
        decided_by : str
            Who asks.

        Raises
        ------
        LedgerError
            If the model was trained after that day, or is not known.
        """
        with self.writing() as connection:
            self._lock(connection)
            model = self._model(connection, model_version)
            every = self._decisions(connection, model.source, model.definition_id)
            start = from_date or max(model.trained_as_of, self._next_day(connection, every, model))
            if start < model.trained_as_of:
                raise LedgerError(
                    f"Model {model_version} was trained on {model.trained_as_of}: it would know the future"
                    " of the day it is pinned from",
                    str(start),
                    "name that day or a later one",
                )
            current = self._in_force(connection, every, start)
            if current is not None and current.challenger == model_version and current.verdict == "pinned":
                unbroken = self._in_force(connection, every, ALWAYS) == current
                if unbroken:
                    return current
            if model.status == "withdrawn":
                self._set_status(connection, model_version, "challenger")
            text = reason or f"Pinned from {start} on, until it is unpinned."
            champion = current.challenger if current else None
            return self._decide(
                connection,
                model,
                decided_for=start,
                champion=champion,
                verdict="pinned",
                reason=text,
                decided_by=decided_by,
            )

    def unpin_champion(
        self,
        source: str,
        definition_id: str,
        from_date: date | None = None,
        *,
        reason: str = "",
        decided_by: str,
    ) -> ModelDecision:
        """Let challengers compete again: the pinned model stays champion until one beats it.

        Parameters
        ----------
        source, definition_id : str
            Whose pin.
        from_date : date, optional
            The first day without it; by default the first that is neither scored nor before any decision.
        reason : str
            In words.
        decided_by : str
            Who asks.

        Raises
        ------
        LedgerError
            If nothing is pinned, or the pin begins after that day.
        """
        with self.writing() as connection:
            self._lock(connection)
            every = self._decisions(connection, source, definition_id)
            pin = self._in_force(connection, every, ALWAYS)
            if pin is None or pin.verdict != "pinned":
                raise LedgerError(
                    f"No model of {source} is pinned under {definition_id}", None, "there is nothing to do"
                )
            model = self._model(connection, pin.challenger)
            start = from_date or self._next_day(connection, every, model)
            if start < pin.decided_for:
                raise LedgerError(
                    f"Model {pin.challenger} is pinned from {pin.decided_for} on, not before",
                    str(start),
                    "name that day or a later one",
                )
            text = reason or f"Unpinned from {start} on: challengers compete with it again."
            return self._decide(
                connection,
                model,
                decided_for=start,
                champion=pin.challenger,
                verdict="unpinned",
                reason=text,
                decided_by=decided_by,
            )

    def roll_back_champion(
        self, source: str, definition_id: str, *, reason: str = "", decided_by: str
    ) -> ModelDecision:
        """Put the champion before this one back, for every day that is not scored yet.

        The model that goes is withdrawn: training again to the same model does not bring it back, pinning it
        does. Doing this twice goes back two champions.

        Raises
        ------
        LedgerError
            If there is no champion, none before it, or it is pinned.
        """
        with self.writing() as connection:
            self._lock(connection)
            every = self._decisions(connection, source, definition_id)
            current, previous = self._two_champions(connection, every, source, definition_id)
            model = self._model(connection, previous.challenger)
            start = max(current.decided_for, self._first_unscored(connection, model))
            text = reason or f"Rolled back: {current.challenger} is withdrawn."
            return self._decide(
                connection,
                model,
                decided_for=start,
                champion=current.challenger,
                verdict="rolled_back",
                reason=text,
                decided_by=decided_by,
            )

    def previous_champion(self, source: str, definition_id: str) -> Model:
        """Return the model that a rollback would put back; LedgerError if it cannot."""
        with self.reading() as connection:
            every = self._decisions(connection, source, definition_id)
            _, previous = self._two_champions(connection, every, source, definition_id)
            return self._model(connection, previous.challenger)

    def _two_champions(
        self, connection: Connection, every: Sequence[ModelDecision], source: str, definition_id: str
    ) -> tuple[ModelDecision, ModelDecision]:
        """Return what makes the champion, and what would make it if that one were rolled back."""
        current = self._in_force(connection, every, ALWAYS)
        if current is None:
            raise LedgerError(f"{source} has no champion under {definition_id}", None, "train a model first")
        if current.verdict == "pinned":
            raise LedgerError(
                f"The champion of {source} under {definition_id} is pinned and cannot be rolled back",
                current.challenger,
                "unpin it first, or pin another model: `python -m ml pin <model>`",
            )
        gone = {current.challenger, *self._withdrawn(connection, every)}
        previous = decision_in_force(every, ALWAYS, gone)
        if previous is None:
            raise LedgerError(
                f"There was no champion of {source} under {definition_id} before this one",
                current.challenger,
                "train another model, or pin one: `python -m ml pin <model>`",
            )
        return current, previous

    def _next_day(self, connection: Connection, every: Sequence[ModelDecision], model: Model) -> date:
        """Return the first day that a decision made now can be about and nothing was settled for yet."""
        newest = max((decision.decided_for for decision in every), default=date.min)
        return max(newest, self._first_unscored(connection, model))

    def _first_unscored(self, connection: Connection, model: Model) -> date:
        """Return the day after the newest day that is pinned to a model of this definition."""
        newest = sa.select(sa.func.max(model_uses.c.as_of_date)).filter_by(
            source=model.source, definition_id=model.definition_id
        )
        day: date | None = connection.execute(newest).scalar_one()
        return date.min if day is None else day + timedelta(days=1)
