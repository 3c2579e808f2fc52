"""The features of one day: the product's SQL against the same result written by hand."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from benchmarks.report import Figure, Section
from warehouse.connections import open_new_with_build
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.settings import Settings
from warehouse.sources import load_source

BY_HAND = ("parts_by_hand.sql", "features_by_hand.sql")
TOLERANCE = 1e-9
MOST = 1.5
PAIRS = 7


@dataclass(frozen=True)
class Model:
    """A model that dbt compiled: its name, its SQL, and whether it is kept as a table."""

    name: str
    sql: str
    is_table: bool


def measure_features(settings: Settings, day: date, pairs: int = PAIRS) -> Section:
    """Time both ways of making a day's features in turn, after comparing their results.

    Raises
    ------
    AssertionError
        If the results differ.
    """
    by_hand, models = hand_written(settings, day), product_models(settings, day)
    with scratch(settings) as connection:
        rows, columns = assert_same(connection, by_hand, models)
        times = list(_pairs(connection, by_hand, models, pairs))
    ratios = [product / hand for product, hand in times]
    median = statistics.median(ratios)
    reference = statistics.median(hand for _, hand in times)
    figure = Figure("features of one day, SQL only", median * reference, reference, "s", MOST, "by hand")
    text = (
        f"{rows:,} users × {columns} columns. The product: the compiled SQL of `user_features` and of every "
        "model of `intermediate/as_of`, tables and views as in the project. By hand: "
        "benchmarks/parts_by_hand.sql and features_by_hand.sql, a plain sum per window, joined. Both read "
        "the same build file and write a table, in one process with 2 threads and 4 GB; the results agree "
        "column by column (numbers with fractions to 1e-9). "
        f"Medians of {pairs} alternating pairs; the ratio is the median of the pairs' ratios, which ran from "
        f"{min(ratios):.2f} to {max(ratios):.2f}."
    )
    return Section("Features of one day", text, figures=(figure,))


def hand_written(settings: Settings, day: date) -> list[str]:
    """Return the hand-written statements for a day."""
    zone = load_source(settings.source, settings.dbt_project).time_zone
    text = "".join((Path(__file__).parent / name).read_text(encoding="utf-8") for name in BY_HAND)
    for name, value in (
        (":as_of_date", f"date '{day}'"),
        (":time_zone", zone),
        (":eligible_days", str(settings.eligible_days)),
    ):
        text = text.replace(name, value)
    return [statement for statement in text.split(";\n") if statement.strip()]


def product_models(settings: Settings, day: date) -> list[Model]:
    """Let dbt compile the day's models; return those above the history, in the order of building.

    Names of models among them are left without their database and schema, so that they can be built
    anywhere.
    """
    with TemporaryDirectory() as folder:
        command = ["compile", "--quiet", "--target-path", folder]
        command += ["--select", "path:models/intermediate/as_of", "user_features"]
        outcome = run_dbt(settings, command, dbt_vars(settings, [day]))
    nodes = {r.node.unique_id: r.node for r in outcome.results if r.node.resource_type == "model"}
    models: dict[str, Model] = {}

    def add(node_id: str) -> None:
        node = nodes[node_id]
        if node.name in models:
            return
        sql = node.compiled_code
        for parent in node.depends_on.nodes:
            if parent in nodes:
                add(parent)
                sql = sql.replace(nodes[parent].relation_name, nodes[parent].name)
        models[node.name] = Model(node.name, sql, node.config.materialized != "view")

    for node_id in nodes:
        add(node_id)
    return list(models.values())


@contextmanager
def scratch(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB file of its own, with the build file attached read-only as ``build``."""
    with (
        TemporaryDirectory(dir=settings.home) as folder,
        open_new_with_build(settings, Path(folder) / "scratch.duckdb") as connection,
    ):
        connection.execute("set enable_progress_bar = false")
        yield connection


def make_by_hand(connection: duckdb.DuckDBPyConnection, statements: list[str]) -> None:
    """Make the table ``by_hand``."""
    for statement in statements:
        connection.execute(statement)


def make_product(connection: duckdb.DuckDBPyConnection, models: list[Model]) -> None:
    """Make the product's tables and views, ``user_features`` among them."""
    for model in models:
        kind = "table" if model.is_table else "view"
        connection.execute(f"create or replace temp {kind} {model.name} as {model.sql}")


def assert_same(
    connection: duckdb.DuckDBPyConnection, by_hand: list[str], models: list[Model]
) -> tuple[int, int]:
    """Make both and compare them; returns rows and columns.

    Raises
    ------
    AssertionError
        If a row is missing or a column differs; the message names the columns and how many rows differ.
    """
    make_by_hand(connection, by_hand)
    make_product(connection, models)
    described = {
        name: {column: kind for column, kind, *_ in connection.execute(f"describe {name}").fetchall()}
        for name in ("by_hand", "user_features")
    }
    columns = described["user_features"]
    assert described["by_hand"].keys() == columns.keys(), described["by_hand"].keys() ^ columns.keys()  # noqa: S101
    wrong = ", ".join(f"count(*) filter ({_differs(name, kind)})" for name, kind in columns.items())
    counts = connection.execute(
        f"select count(*), {wrong} from user_features as p full join by_hand as h using (as_of_date, user_id)"
    ).fetchone()
    assert counts is not None and counts[0] > 0, "nothing to compare"  # noqa: S101
    found = {name: number for name, number in zip(columns, counts[1:], strict=True) if number}
    assert not found, f"rows that differ, of {counts[0]:,}: {found}"  # noqa: S101
    return int(counts[0]), len(columns)


def _differs(column: str, kind: str) -> str:
    mine, other = f'p."{column}"', f'h."{column}"'
    if column in ("as_of_date", "user_id"):
        return f"{mine} is null or {other} is null"
    if kind != "DOUBLE":
        return f"{mine} is distinct from {other}"
    is_far = f"abs({mine} - {other}) > {TOLERANCE} * greatest(1, abs({other}))"
    return f"({mine} is null) <> ({other} is null) or coalesce({is_far}, false)"


def _pairs(
    connection: duckdb.DuckDBPyConnection, by_hand: list[str], models: list[Model], pairs: int
) -> Iterator[tuple[float, float]]:
    """Yield the seconds of the product and of the SQL by hand, taking turns at going first."""

    def product() -> None:
        make_product(connection, models)

    def hand() -> None:
        make_by_hand(connection, by_hand)

    for number in range(pairs):
        if number % 2:
            second, first = _seconds(hand), _seconds(product)
        else:
            first, second = _seconds(product), _seconds(hand)
        print(f"  pair {number + 1}: product {first:.2f} s, by hand {second:.2f} s", file=sys.stderr)
        yield first, second


def _seconds(make: Callable[[], None]) -> float:
    began = time.perf_counter()
    make()
    return time.perf_counter() - began
