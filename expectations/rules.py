"""Write one rule of a suite: a Great Expectations expectation that can explain itself.

Great Expectations takes seconds to import, so it is imported when the first rule is made.
"""

from typing import TYPE_CHECKING, Any

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
    import great_expectations as gx

    return gx.ExpectationSuite(name=table, expectations=rules, meta={"table": table, "rows": rows})


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
    """Fail for every row of a query.

    Parameters
    ----------
    rule : str
        The rule as a sentence, in snake case.
    rows : str
        SQL from ``from`` on: the offending rows.
    found, usual : str
        SQL texts: what an offending row shows, and what it should have been near to.
    expected, remedy : str
        What must hold, and what to do when it does not, for people.
    day, column_name : str
        SQL for the day and the column that an offending row is about.
    ctes : str
        CTEs that ``rows`` needs, without ``with``.
    column : str, optional
        The column that the rule is about, when it is about one only.
    """
    import great_expectations.expectations as gxe

    query = f"""{"with " + ctes if ctes else ""}
select {day} as day, {column_name} as column_name, {found} as observed, {usual} as expected
{rows}
order by 1 desc nulls first, 2"""
    return gxe.UnexpectedRowsExpectation(
        unexpected_rows_query=query, description=expected, meta=_meta(rule, expected, remedy, column)
    )


def core(kind: str, rule: str, *, expected: str, remedy: str, **arguments: Any) -> "gxe.Expectation":
    """Use one of Great Expectations' own expectations, by the name of its class."""
    import great_expectations.expectations as gxe

    return getattr(gxe, kind)(
        **arguments, description=expected, meta=_meta(rule, expected, remedy, arguments.get("column"))
    )


def _meta(rule: str, expected: str, remedy: str, column: str | None) -> dict[str, str | None]:
    return {"rule": rule, "expected": expected, "remedy": remedy, "column": column}


def quoted(name: str) -> str:
    """Quote a column's name for SQL that Great Expectations will format."""
    escaped = name.replace('"', '""').replace("{", "{{").replace("}", "}}")
    return f'"{escaped}"'


def text(value: str) -> str:
    """Quote a text for SQL that Great Expectations will format."""
    escaped = value.replace("'", "''").replace("{", "{{").replace("}", "}}")
    return f"'{escaped}'"
