"""The cookbook's queries run on the columns that are published, in the shell that analysts use."""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.documents_sql import Block, sql_blocks
from tests.published_tables import make_published_tables, promised_columns
from warehouse.publish import PUBLISHED_TABLES
from warehouse.reading import open_published
from warehouse.settings import REPOSITORY

COOKBOOK = REPOSITORY / "docs" / "sql-cookbook.md"
QUESTIONS = sql_blocks(COOKBOOK)
#: Other pages that show a query or two of published tables.
PAGES = ("README.md", "docs/metrics.md", "docs/warnings.md")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    path = tmp_path_factory.mktemp("cookbook") / "holdfast.duckdb"
    with duckdb.connect(str(path)) as connection:
        assert make_published_tables(connection)
    opened = open_published(path, threads=1, memory_limit="256MB")
    yield opened
    opened.close()


def test_the_cookbook_asks_at_least_twenty_different_questions() -> None:
    assert len({question.title for question in QUESTIONS}) == len(QUESTIONS) >= 20


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.title)
def test_a_question_names_tables_and_columns_that_are_published(
    question: Block, published: duckdb.DuckDBPyConnection
) -> None:
    answer = published.execute(question.sql)
    assert answer.description


@pytest.mark.parametrize("page", PAGES)
def test_what_other_pages_ask_is_published_too(page: str, published: duckdb.DuckDBPyConnection) -> None:
    asked = sql_blocks(REPOSITORY / page)
    assert asked
    for one in asked:
        published.execute(one.sql)


def test_a_column_that_is_not_published_would_be_noticed(published: duckdb.DuckDBPyConnection) -> None:
    (first, *_) = QUESTIONS
    with pytest.raises(duckdb.BinderException):
        published.execute(first.sql.replace("churn_probability", "churn_chance"))


def test_every_question_is_followed_by_what_its_answer_looks_like() -> None:
    parts = COOKBOOK.read_text().split("\n### ")[1:]
    assert len(parts) == len(QUESTIONS)
    for part in parts:
        told = part.split("\n```\n")[1].split("\n## ")[0].strip()
        assert len(told) > 30, part.splitlines()[0]


def test_the_cookbook_reads_most_published_tables() -> None:
    asked = " ".join(question.sql for question in QUESTIONS)
    read = [table.name for table in PUBLISHED_TABLES if re.search(rf"\b{table.name}\b", asked)]
    assert len(read) > len(PUBLISHED_TABLES) * 0.7


def test_promises_are_read_from_the_project_that_is_there(tmp_path: Path) -> None:
    assert ("user_id", "varchar") in promised_columns()["at_risk_users"]
    assert promised_columns(tmp_path) == {}
