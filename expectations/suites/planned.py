"""The suites, by gate: what is checked, over which table, and what must be there to check it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from expectations.facts import Facts

if TYPE_CHECKING:
    import great_expectations as gx


@dataclass(frozen=True)
class Planned:
    """One suite to run.

    Attributes
    ----------
    table : str
        The table that is handed over.
    needs : mapping of str to collection of str
        Tables that the suite reads, with the columns that it names.
    build : callable
        Makes the suite; called only when everything that it needs is there.
    """

    table: str
    needs: Mapping[str, frozenset[str]]
    build: "Callable[[Facts], gx.ExpectationSuite]"

    def missing(self, facts: Facts) -> list[dict[str, str]]:
        """Return rule, observed, expected and remedy for every table or column that is not there."""
        faults = []
        for table, columns in self.needs.items():
            lacking = sorted(columns - facts.columns.get(table, {}).keys())
            if table not in facts.columns:
                faults.append(
                    {
                        "rule": "the_table_exists",
                        "observed": f"no table {table}",
                        "expected": f"the table {table}",
                        "remedy": "run the stage that writes it; see docs/runbook.md",
                    }
                )
            elif lacking:
                faults.append(
                    {
                        "rule": "the_columns_exist",
                        "observed": f"no column {', '.join(lacking)} in {table}",
                        "expected": ", ".join(sorted(columns)),
                        "remedy": f"bring the columns back to {table}, or change the suite that reads them",
                    }
                )
        return faults


def planned(gate: str, facts: Facts) -> Iterator[Planned]:
    """Yield the suites of a gate.

    Raises
    ------
    KeyError
        If there is no such gate.
    """
    from expectations.suites import campaigns, features, raw, risk, scores

    plans: dict[str, Callable[[Facts], Iterator[Planned]]] = {
        "raw": raw.plans,
        "features": features.plans,
        "scores": scores.plans,
        "risk": risk.plans,
        "campaigns": campaigns.plans,
    }
    yield from plans[gate](facts)
