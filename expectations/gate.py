"""Run one gate: every suite that guards one border, in one process, over the build file read-only."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from expectations.facts import Facts
from expectations.inputs import read_facts
from expectations.library import great_expectations
from expectations.outcomes import explain, outcomes, refused
from expectations.suites.planned import planned
from warehouse.connections import build_file_url
from warehouse.errors import GateFailure
from warehouse.ledger import GateResult, Ledger, Run
from warehouse.settings import Settings

Gate = Literal["raw", "features", "scores", "risk", "campaigns"]


@dataclass(frozen=True)
class GateReport:
    """What a gate found.

    Attributes
    ----------
    results : tuple of GateResult
        One per rule, and one per offending column or day of a rule that failed.
    seconds : float
        How long the gate took.
    """

    gate: str
    as_of_dates: tuple[date, ...]
    results: tuple[GateResult, ...]
    seconds: float

    @property
    def failures(self) -> tuple[GateResult, ...]:
        """The results that close the gate."""
        return tuple(result for result in self.results if not result.success)


def run_gate(
    settings: Settings,
    ledger: Ledger,
    run: Run,
    gate: Gate,
    as_of_dates: Sequence[date],
    *,
    write_docs: bool = True,
) -> GateReport:
    """Check one gate, record every result in the ledger and write the Data Docs.

    Parameters
    ----------
    settings : Settings
        Where the build file and the Data Docs are.
    ledger : Ledger
        Takes the results, also when the gate closes.
    run : Run
        The run that the results belong to.
    gate : {"raw", "features", "scores", "risk", "campaigns"}
        The border to guard.
    as_of_dates : sequence of date
        The days being run.
    write_docs : bool
        Whether to write the Data Docs, which take as long as the checks.

    Raises
    ------
    GateFailure
        If any rule fails, or cannot be checked; the message names table, column, what was found, what
        was expected and what to do.
    """
    started = time.monotonic()
    days = tuple(sorted(set(as_of_dates)))
    if not days:
        raise GateFailure(f"The {gate} gate was asked to check no day", (), "pass at least one as_of_date")
    facts = read_facts(settings, ledger, days)
    results = tuple(check(settings, facts, gate, write_docs=write_docs))
    if not results:
        results = (refused(gate, gate, "the_gate_has_rules", observed="no rule", expected="a rule"),)
    ledger.record_gate_results(run.run_id, results)
    report = GateReport(gate, days, results, time.monotonic() - started)
    if report.failures:
        raise GateFailure(explain(gate, days, report.failures))
    return report


def check(settings: Settings, facts: Facts, gate: Gate, *, write_docs: bool = True) -> list[GateResult]:
    """Run every suite of a gate and return the results, without recording them."""
    gx = great_expectations()
    results: list[GateResult] = []
    with _context(settings, gate) as (context, source):
        for plan in planned(gate, facts):
            missing = plan.missing(facts)
            if missing:
                results.extend(refused(gate, plan.table, **fault) for fault in missing)
                continue
            suite = context.suites.add(plan.build(facts))
            asset = source.add_query_asset(suite.name, query=suite.meta["rows"])
            batch = asset.add_batch_definition_whole_table("handed over")
            validation = context.validation_definitions.add(
                gx.ValidationDefinition(name=suite.name, data=batch, suite=suite)
            )
            checkpoint = context.checkpoints.add(
                gx.Checkpoint(name=suite.name, validation_definitions=[validation], result_format="COMPLETE")
            )
            (result,) = checkpoint.run().run_results.values()
            results.extend(outcomes(gate, suite, result))
        if write_docs:
            context.build_data_docs()
    return results


@contextmanager
def _context(settings: Settings, gate: str) -> Iterator[tuple[Any, Any]]:
    """Yield a context that lives in memory and a DuckDB source; the file is let go of at the end."""
    from expectations.duckdb_sqlalchemy import let_go, register

    register()
    gx = great_expectations()
    from great_expectations.data_context.types import base

    config = base.DataContextConfig(
        # the context's own site would leave a folder in /tmp behind
        store_backend_defaults=base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        data_docs_sites={gate: _site(settings, gate)},
        progress_bars=base.ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    source = context.data_sources.add_sql(
        "build file", connection_string=build_file_url(settings), create_temp_table=False
    )
    try:
        yield context, source
    finally:
        let_go()


def _site(settings: Settings, gate: str) -> dict[str, Any]:
    folder = settings.data_docs / settings.source / gate
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
