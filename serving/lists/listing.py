"""A list as a question to a snapshot: which rows, in which order, from where on; of fixed identifiers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serving.lists.formats import quoted
from serving.problems import Problem


@dataclass(frozen=True)
class Sort:
    """What a list is sorted by; user_id decides between equals.

    Attributes
    ----------
    column, sql_type : str
        The column, and its type, by which a cursor's value is read.
    descending : bool
        Largest first; users without a value come last in both directions.
    """

    column: str
    sql_type: str
    descending: bool = False

    @property
    def order_by(self) -> str:
        """What follows ORDER BY."""
        first = f"{quoted(self.column)} {'desc' if self.descending else 'asc'} nulls last"
        return first if self.column == "user_id" else f"{first}, user_id"


BY_USER = Sort("user_id", "varchar")


@dataclass(frozen=True)
class Listing:
    """A list.

    Attributes
    ----------
    relation : str
        SQL after FROM, made of fixed texts only.
    columns : tuple of str
        What the caller sees.
    sort : Sort
        The order.
    conditions : tuple of str
        SQL conditions; every value in them is a parameter.
    values : mapping
        The parameters by name.
    """

    relation: str
    columns: tuple[str, ...]
    sort: Sort
    conditions: tuple[str, ...] = ()
    values: Mapping[str, object] = field(default_factory=dict)

    def rows(self, limit: int | None = None) -> str:
        """Return the query of the whole list, or of its beginning."""
        bound = "" if limit is None else f" limit {limit:d}"
        return f"select * from {self.relation}{_where(self.conditions)} order by {self.sort.order_by}{bound}"

    def page(self, after: Sequence[Any], limit: int) -> tuple[str, dict[str, object]]:
        """Return the query of one page and its parameters.

        Its columns: the row as JSON text, then the values that a cursor keeps of it.
        """
        conditions, values = [*self.conditions], dict(self.values)
        if after:
            condition, more = self._after(after)
            conditions.append(condition)
            values |= more
        keys = ", ".join(f"listed.{quoted(column)} as key_{place}" for place, column in enumerate(self.keys))
        return (
            f"select cast(to_json(struct_pack({_packed(self.columns)})) as varchar), {keys} from "
            f"(select * from {self.relation}{_where(conditions)} "
            f"order by {self.sort.order_by} limit {limit:d}) as listed",
            values,
        )

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns whose values say where a page ends."""
        return ("user_id",) if self.sort.column == "user_id" else (self.sort.column, "user_id")

    def _after(self, after: Sequence[Any]) -> tuple[str, dict[str, object]]:
        """Return the condition for what comes after a row in the order, with its parameters."""
        *first, user_id = after
        if not first:
            return "user_id > $after_user", {"after_user": user_id}
        column = quoted(self.sort.column)
        same = f"{column} is null and user_id > $after_user"
        if first[0] is None:
            return same, {"after_user": user_id}
        bound = f"cast($after_value as {self.sort.sql_type})"
        beyond = "<" if self.sort.descending else ">"
        return (
            f"({column} {beyond} {bound} or ({column} = {bound} and user_id > $after_user) "
            f"or {column} is null)",
            {"after_value": first[0], "after_user": user_id},
        )


def published_columns(tables: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the columns of a published table, in order.

    Raises
    ------
    Problem
        503 if the run did not publish the table.
    """
    facts = tables.get(name)
    if facts is None:
        raise Problem(
            503,
            "table_missing",
            "The run that is served did not publish what this needs.",
            f"The table {name} is missing.",
            "wait for the next publish; `python -m warehouse check-reader` says more",
        )
    return tuple(column.name for column in facts.columns)


def check_published(published: Sequence[str], column: str) -> None:
    """Refuse to filter or sort by a column that an older run did not publish.

    Raises
    ------
    Problem
        409.
    """
    if column not in published:
        raise Problem(
            409,
            "column_not_published",
            "The run that is served did not publish the column that the request names.",
            f"The column {column} is missing.",
            "leave it out of the request, or wait for the next publish",
        )


def _where(conditions: Sequence[str]) -> str:
    return f" where {' and '.join(conditions)}" if conditions else ""


def _packed(columns: Sequence[str]) -> str:
    return ", ".join(f"{quoted(column)} := listed.{quoted(column)}" for column in columns)
