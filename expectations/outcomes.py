"""Turn what Great Expectations reports into results that a person can read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from expectations.rules import ROWS_SHOWN
from warehouse.ledger import GateResult

if TYPE_CHECKING:
    import great_expectations as gx

# A cell of a report; a stack trace or a long list says no more than this.
LONGEST_TEXT = 300


def outcomes(gate: str, suite: "gx.ExpectationSuite", validation: Any) -> list[GateResult]:
    """Return one result per rule, and one per offending row of a rule that failed.

    A suite without rules, and a rule that came back without a result, fail.
    """
    results = [result for each in validation.results for result in _one(gate, suite.name, each)]
    rules = {expectation.meta["rule"] for expectation in suite.expectations}
    answered = {each.expectation_config.meta["rule"] for each in validation.results}
    if not rules:
        results.append(
            refused(gate, suite.name, "the_suite_has_rules", observed="no rule", expected="at least one rule")
        )
    results.extend(
        refused(gate, suite.name, rule, observed="no answer", expected="an answer")
        for rule in sorted(rules - answered)
    )
    return sorted(results, key=lambda result: (result.success, result.expectation, result.column or ""))


def refused(
    gate: str, table: str, rule: str, *, observed: str, expected: str, remedy: str = "see docs/runbook.md"
) -> GateResult:
    """Return the failing result of a rule that could not even be asked."""
    return _Asked(gate, table, rule, None, expected, remedy).failed(observed)


def explain(gate: str, days: Sequence[date], failures: Iterable[GateResult]) -> str:
    """Write down why a gate closed: one line per failed rule, column and day."""
    span = str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]} ({len(days)} days)"
    lines = [f"The {gate} gate is closed for {span}:"]
    lines += [f"- {failure.message}" for failure in failures]
    return "\n".join(lines)


@dataclass(frozen=True)
class _Asked:
    """One rule, as it was asked."""

    gate: str
    table: str
    rule: str
    column: str | None
    expected: str
    remedy: str

    def passed(self, observed: str | None) -> GateResult:
        """Return the result of a rule that holds."""
        return GateResult(
            gate=self.gate,
            suite=self.table,
            expectation=self.rule,
            column=self.column,
            success=True,
            observed=observed,
            expected=self.expected,
        )

    def failed(
        self, observed: str | None, *, expected: str | None = None, column: str | None = None
    ) -> GateResult:
        """Return the result of a rule that does not hold, with its message."""
        column, expected = column or self.column, expected or self.expected
        where = f"{self.table}.{column}" if column else self.table
        return replace(
            self.passed(observed or "nothing"),
            column=column,
            expected=expected,
            success=False,
            message=f"{self.rule} in {where}: found {observed or 'nothing'}, expected {expected}. "
            f"To do: {self.remedy}",
        )


def _one(gate: str, table: str, each: Any) -> list[GateResult]:
    meta: Mapping[str, Any] = each.expectation_config.meta
    asked = _Asked(gate, table, meta["rule"], meta["column"], meta["expected"], meta["remedy"])
    cases = {
        rule: replace(asked, rule=rule, expected=expected) for rule, expected in meta.get("cases", {}).items()
    } or {asked.rule: asked}
    broken = _exception(each.exception_info)
    if broken:
        return [case.failed(f"not checked: {broken}") for case in cases.values()]
    observed = each.result.get("observed_value")
    if each.success is True:
        return [case.passed(_text(observed)) for case in cases.values()]
    rows = (each.result.get("details") or {}).get("unexpected_rows")
    if not rows:
        return [asked.failed(_text(observed))]
    failures = [
        cases[row["rule"]].failed(
            _dated(row["day"], row["observed"]), expected=_text(row["expected"]), column=row["column_name"]
        )
        for row in rows[:ROWS_SHOWN]
    ]
    left_out = observed - len(failures)
    if left_out > 0:
        failures.append(asked.failed(f"and {left_out} more"))
    # Great Expectations hands over the first 200 rows; with fewer, every failed case is among them
    broken_cases = {row["rule"] for row in rows}
    passed = [case.passed("0") for rule, case in cases.items() if rule not in broken_cases]
    return [*failures, *(passed if observed == len(rows) else [])]


def _exception(info: Mapping[str, Any] | None) -> str | None:
    """Return the first exception's message; Great Expectations nests them by metric."""
    if not info:
        return None
    if "raised_exception" in info:
        return _text(info["exception_message"]) or "unknown" if info["raised_exception"] else None
    return next((found for found in map(_exception, info.values()) if found), None)


def _dated(day: object, observed: object) -> str:
    found = _text(observed) or "nothing"
    return f"{found} on {day}" if day is not None else found


def _text(value: object) -> str | None:
    return None if value is None else " ".join(str(value).split())[:LONGEST_TEXT]
