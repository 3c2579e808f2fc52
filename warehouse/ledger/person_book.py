"""People who may sign in to the dashboard, with their roles; a password is only here as its hash."""

import sqlalchemy as sa

from warehouse.ledger.access_records import DashboardPerson
from warehouse.ledger.access_tables import dashboard_people
from warehouse.ledger.audit_book import Action, AuditBook
from warehouse.ledger.records import LedgerError

ROLES = ("analyst", "marketer", "admin")


class PersonBook(AuditBook):
    """The part of the ledger that knows who may sign in."""

    def set_person(
        self, person: str, *, role: str, password_hash: str, language: str = "en", by: str
    ) -> DashboardPerson:
        """Record somebody, or give somebody who is there another role, password or language.

        Raises
        ------
        LedgerError
            If the role is not known.
        """
        if role not in ROLES:
            raise LedgerError("This is no role of the dashboard", role, f"use {', '.join(ROLES)}")
        now = self.clock()
        values = {
            "role": role,
            "password_hash": password_hash,
            "language": language,
            "changed_at": now,
            "disabled_at": None,
        }
        with self.writing() as connection:
            table = dashboard_people
            known = connection.execute(table.update().filter_by(person=person).values(**values)).rowcount
            if not known:
                connection.execute(
                    table.insert().values(person=person, created_at=now, created_by=by, **values)
                )
            action = "person.changed" if known else "person.added"
            self.append_actions(connection, [Action(by, action, person, {"role": role})])
        found = self.find_person(person)
        assert found is not None  # noqa: S101  it was written just now
        return found

    def disable_person(self, person: str, *, by: str) -> DashboardPerson:
        """Let somebody sign in no more; what they did stays on the record.

        Raises
        ------
        LedgerError
            If nobody of that name may sign in.
        """
        now = self.clock()
        with self.writing() as connection:
            statement = dashboard_people.update().filter_by(person=person, disabled_at=None)
            if not connection.execute(statement.values(disabled_at=now, changed_at=now)).rowcount:
                raise LedgerError("Nobody of this name may sign in", person, "check how the name is spelt")
            self.append_actions(connection, [Action(by, "person.disabled", person)])
        found = self.find_person(person)
        assert found is not None  # noqa: S101  it was written just now
        return found

    def find_person(self, person: str) -> DashboardPerson | None:
        """Return somebody by the name they sign in with, disabled or not, or None."""
        with self.reading() as connection:
            row = connection.execute(sa.select(dashboard_people).filter_by(person=person)).one_or_none()
        return None if row is None else DashboardPerson(**row._mapping)

    def people(self) -> tuple[DashboardPerson, ...]:
        """Return everybody, by name."""
        statement = sa.select(dashboard_people).order_by(dashboard_people.c.person)
        with self.reading() as connection:
            return tuple(DashboardPerson(**row._mapping) for row in connection.execute(statement))
