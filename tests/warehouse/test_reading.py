"""Published files as servers open them: only to be read, shared, in UTC, and with no way out."""

import threading
from pathlib import Path

import duckdb
import pytest

from warehouse.errors import DamagedFile
from warehouse.reading import open_published


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "holdfast.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("create table moments as select '2026-06-30 12:00:00+08'::timestamptz as moment")
    return path


def test_every_cursor_is_in_utc(file: Path) -> None:
    with open_published(file, threads=1, memory_limit="256MB") as connection:
        for session in (connection, connection.cursor()):
            assert session.execute("select moment::varchar from moments").fetchall() == [
                ("2026-06-30 04:00:00+00",)
            ]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into moments select now()",
        "copy moments to '{folder}/out.csv'",
        "select * from read_text('{folder}/secret.txt')",
        "attach '{folder}/other.duckdb'",
        "set lock_configuration = false",
        "set enable_external_access = true",
        "set TimeZone = 'Asia/Shanghai'",
        "set temp_directory = '{folder}'",
    ],
)
def test_nothing_else_can_be_done_with_it(file: Path, statement: str) -> None:
    (file.parent / "secret.txt").write_text("secret")
    with open_published(file, threads=1, memory_limit="256MB") as connection, pytest.raises(duckdb.Error):
        connection.execute(statement.format(folder=file.parent))
    assert {path.name for path in file.parent.iterdir()} == {"holdfast.duckdb", "secret.txt"}


def test_a_file_that_is_open_here_already_is_opened_again_by_many_threads(file: Path) -> None:
    opened: list[duckdb.DuckDBPyConnection] = []
    threads = [
        threading.Thread(target=lambda: opened.append(open_published(file, threads=1, memory_limit="256MB")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(opened) == 8
    for connection in opened:
        with pytest.raises(duckdb.Error, match=r"disabled|locked"):
            connection.execute("select * from read_text('/etc/hostname')")
        connection.close()


def test_a_file_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DamagedFile, match="cannot be opened") as caught:
        open_published(tmp_path / "gone.duckdb", threads=1, memory_limit="256MB")
    assert "rollback" in caught.value.remedy
