"""Let Great Expectations read from DuckDB.

Great Expectations has no DuckDB support: it reads a result after its connection was given back, and
DuckDB then returns nothing. The dialect below fetches every row as soon as a statement has run, so a
result outlives its connection. Nothing but public hooks of SQLAlchemy is used.
"""

from typing import Any, ClassVar

from duckdb_engine import Dialect
from sqlalchemy.dialects import registry
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.engine.default import DefaultExecutionContext


class BufferedContext(DefaultExecutionContext):
    """Run a statement and keep all its rows."""

    def post_exec(self) -> None:
        """Fetch every row while the connection is still ours."""
        if self.cursor.description is not None:
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(self.cursor)


class BufferedDialect(Dialect):  # type: ignore[misc]  # duckdb_engine publishes no types
    """DuckDB's dialect with results that outlive their connection."""

    execution_ctx_cls: ClassVar[type[BufferedContext]] = BufferedContext
    supports_statement_cache = False
    opened: ClassVar[list[Any]] = []

    def connect(self, *arguments: Any, **options: Any) -> Any:
        """Open a connection and remember it."""
        connection = super().connect(*arguments, **options)
        self.opened.append(connection)
        return connection


def register() -> None:
    """Make ``duckdb://`` URLs use the buffered dialect; call before a GX context is built."""
    registry.register("duckdb", __name__, BufferedDialect.__name__)


def let_go() -> None:
    """Close every connection that was opened; Great Expectations keeps engines nobody can reach.

    DuckDB refuses to open a file for writing while the same process still reads it.
    """
    while BufferedDialect.opened:
        BufferedDialect.opened.pop().close()
