import csv
import io
import json
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.publish.tiny_build import begin_and_build
from warehouse.ledger import Ledger
from warehouse.publish import publish
from warehouse.publish.exports import export_list
from warehouse.settings import Settings


def exported(tmp_path: Path, select: str) -> Path:
    with duckdb.connect() as connection:
        connection.execute(f"create table list as {select}")
        export_list(connection, "list", tmp_path)
    return tmp_path


@pytest.mark.parametrize("start", [*"=+-@＝＋－＠", "\t", "\r", "\n"])
def test_text_that_would_start_a_formula_is_neutralised(tmp_path: Path, start: str) -> None:
    exported(tmp_path, f"select chr({ord(start)}) || 'SUM(A1)' as text")
    with (tmp_path / "list.csv").open(newline="", encoding="utf-8") as stream:
        assert list(csv.reader(stream)) == [["text"], [f"'{start}SUM(A1)"]]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("-1.5::double", "-1.5"),
        ("-7", "-7"),
        ("-12.3400::decimal(18, 4)", "-12.3400"),
        ("date '2024-03-01'", "2024-03-01"),
        ("0.1::double", "0.1"),
        ("true", "true"),
        ("null::double", ""),
        ("null::varchar", ""),
        ("'2-1'", "2-1"),
        ("'用户'", "用户"),
    ],
)
def test_numbers_dates_and_plain_text_stay_as_they_are(tmp_path: Path, value: str, cell: str) -> None:
    exported(tmp_path, f"select {value} as value, 'x' as last")
    with (tmp_path / "list.csv").open(newline="", encoding="utf-8") as stream:
        assert list(csv.reader(stream))[1] == [cell, "x"]


def test_the_csv_follows_the_standard(tmp_path: Path) -> None:
    exported(tmp_path, "select 'say \"hi\", you' as text, 'two\nlines' as more")
    assert (tmp_path / "list.csv").read_bytes() == b'text,more\r\n"say ""hi"", you","two\nlines"\r\n'


def test_duckdb_writes_what_pythons_own_writer_would(tmp_path: Path) -> None:
    texts = ["plain", "", None, ",", '"', '""', "a\rb", "x\r\n", " ", "用户,户", "'", ";", "a\tb", "\x00b"]
    rows = [(number, text, [text or "-", "x"], [1.5, number]) for number, text in enumerate(texts)]
    with duckdb.connect() as connection:
        connection.execute(
            'create table list ("the, number" integer, text varchar, several varchar[], '
            "numbers decimal(9, 2)[])"
        )
        connection.executemany("insert into list values (?, ?, ?, ?)", rows)
        export_list(connection, "list", tmp_path)
        cells = connection.execute("select columns(*)::varchar from list").fetchall()
    wanted = io.StringIO(newline="")
    csv.writer(wanted, lineterminator="\r\n").writerows(
        [["the, number", "text", "several", "numbers"], *cells]
    )
    assert (tmp_path / "list.csv").read_bytes() == wanted.getvalue().encode()


def test_an_empty_list_has_its_header(tmp_path: Path) -> None:
    exported(tmp_path, "select 1 as user_id where false")
    assert (tmp_path / "list.csv").read_bytes() == b"user_id\r\n"
    assert duckdb.read_parquet(str(tmp_path / "list.parquet")).columns == ["user_id"]


def test_all_three_lists_hold_the_same_rows_in_order_of_rank(settings: Settings, ledger: Ledger) -> None:
    folder = publish(settings, ledger, begin_and_build(settings, ledger, users=1000)).path
    with (folder / "at_risk_users.csv").open(newline="", encoding="utf-8") as stream:
        from_csv = [(int(row["risk_rank"]), row["user_id"]) for row in csv.DictReader(stream)]
    lines = (folder / "at_risk_users.jsonl").read_text(encoding="utf-8").splitlines()
    from_json = [(row["risk_rank"], row["user_id"]) for row in map(json.loads, lines)]
    path = str(folder / "at_risk_users.parquet")
    from_parquet = duckdb.sql(f"select risk_rank, user_id from '{path}'").fetchall()
    assert len(from_csv) == 600
    assert from_csv == from_json == from_parquet
    assert [rank for rank, _ in from_csv] == list(range(1, 601))


def test_formulas_are_left_alone_where_no_spreadsheet_reads_them(settings: Settings, ledger: Ledger) -> None:
    folder = publish(settings, ledger, begin_and_build(settings, ledger)).path
    first = json.loads((folder / "at_risk_users.jsonl").read_text().splitlines()[0])
    assert first["reason_1_sentence_en"] == "=cmd|'/c calc'!A0"
    assert first["reason_1_value"] == -1.5
