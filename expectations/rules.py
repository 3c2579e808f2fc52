"""Write one rule of a suite: a Great Expectations expectation that can explain itself."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from expectations.library import great_expectations

if TYPE_CHECKING:
    import great_expectations as gx
    import great_expectations.expectations as gxe

# Offending rows that a rule shows; it still counts them all.
ROWS_SHOWN = 10


def suite(table: str, rows: str, rules: "list[gxe.Expectation]") -> "gx.ExpectationSuite":
    """Put rules over one table into a suite.

    Parameters
    ----------
    table : str
        Schema and name of the table, as people know it.
    rows : str
        The query that gives the rows handed over; ``{batch}`` in a rule stands for it.
    rules : list of Expectation
        Made by the functions below.
    """
    return great_expectations().ExpectationSuite(
        name=table, expectations=rules, meta={"table": table, "rows": rows}
    )


@dataclass(frozen=True)
class Case:
    """One way for rows to be wrong.

    Attributes
    ----------
    rule : str
        The rule as a sentence, in snake case.
    rows : str
        SQL from ``from`` on: the offending rows.
    found, usual : str
        SQL texts: what an offending row shows, and what it should have been near to.
    expected : str
        What must hold, for people.
    day, column_name : str
        SQL for the day and the column that an offending row is about.
    """

    rule: str
    rows: str
    found: str
    expected: str
    usual: str = "null"
    day: str = "null"
    column_name: str = "null"

    @property
    def query(self) -> str:
        """The offending rows, with the columns that `expectations.outcomes` reads."""
        return (
            f"select {text(self.rule)} as rule, {self.day} as day, {self.column_name} as column_name, "
            f"{self.found} as observed, coalesce({self.usual}, {text(self.expected)}) as expected\n"
            f"{self.rows}"
        )


def none_of(cases: "list[Case]", *, rule: str, expected: str, remedy: str, ctes: str) -> "gxe.Expectation":
    """Fail for every row of any case; the cases share ``ctes``, which are computed once.

    Parameters
    ----------
    cases : list of Case
        Each names its own rule in the results.
    rule, expected : str
        What the cases have in common, told when all is well.
    remedy : str
        What to do, for people.
    ctes : str
        CTEs that the cases read, without ``with``.
    """
    queries = "\nunion all\n".join(f"({case.query})" for case in cases)
    meta = _meta(rule, expected, remedy, None) | {"cases": {case.rule: case.expected for case in cases}}
    return _unexpected_rows(f"with {ctes}\n{queries}", meta)


def no_rows(
    rule: str,
    rows: str,
    *,
    found: str,
    expected: str,
    remedy: str,
    usual: str = "null",
    day: str = "null",
    column_name: str = "null",
    ctes: str = "",
    column: str | None = None,
) -> "gxe.Expectation":
    """Fail for every row of one case (see `Case`); ``column`` is the rule's column if it has only one."""
    case = Case(rule, rows, found, expected, usual, day, column_name)
    query = f"with {ctes}\n{case.query}" if ctes else case.query
    return _unexpected_rows(query, _meta(rule, expected, remedy, column))


def _unexpected_rows(query: str, meta: dict[str, Any]) -> "gxe.Expectation":
    return great_expectations().expectations.UnexpectedRowsExpectation(
        # newest first; Great Expectations counts them all and shows some
        unexpected_rows_query=f"select * from ({query}) as faults order by day desc nulls first, column_name",
        description=meta["expected"],
        meta=meta,
    )


def core(kind: str, rule: str, *, expected: str, remedy: str, **arguments: Any) -> "gxe.Expectation":
    """Use one of Great Expectations' own expectations, by the name of its class."""
    return getattr(great_expectations().expectations, kind)(
        **arguments, description=expected, meta=_meta(rule, expected, remedy, arguments.get("column"))
    )


def _meta(rule: str, expected: str, remedy: str, column: str | None) -> dict[str, Any]:
    return {"rule": rule, "expected": expected, "remedy": remedy, "column": column}


def quoted(name: str) -> str:
    """Quote a column's name for SQL that Great Expectations will format."""
    escaped = name.replace('"', '""').replace("{", "{{").replace("}", "}}")
    return f'"{escaped}"'


def text(value: str) -> str:
    """Quote a text for SQL that Great Expectations will format."""
    escaped = value.replace("'", "''").replace("{", "{{").replace("}", "}}")
    return f"'{escaped}'"
