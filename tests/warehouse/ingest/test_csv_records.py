"""One bad line costs that line and never its neighbours."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.ingest.csv_records import Dialect, raw_line, read_records, split_header

HEADER = ["a", "b", "note"]
NOTES = Dialect(columns_with_newlines=frozenset({"note"}))


def read(
    text: str | bytes, dialect: Dialect = NOTES
) -> tuple[list[tuple[object, ...]], list[tuple[int, str]]]:
    """Return the records (line first) and the rejects of a body."""
    body = text.encode() if isinstance(text, str) else text
    found = read_records(body, HEADER, HEADER, dialect)
    columns = [found.columns[name].to_pylist() for name in HEADER]
    assert found.received == len(found.lines) + len(found.rejects)
    return list(zip(found.lines.to_pylist(), *columns, strict=True)), found.rejects


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_plain_and_quoted_lines_are_read_alike(end: str) -> None:
    lines = ["1,2,3", '"1","2","x ""y"", z"', "4,,"]
    assert read(end.join(lines) + end) == (
        [(2, "1", "2", "3"), (3, "1", "2", 'x "y", z'), (4, "4", "", "")],
        [],
    )
    assert read(end.join(lines[::2])) == ([(2, "1", "2", "3"), (3, "4", "", "")], [])


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("1,2", "wrong_field_count"),
        ("1,2,3,4", "wrong_field_count"),
        ('1,"2,3', "unclosed_quote"),
        ('1,2,"lost', "unclosed_quote"),
        ('1,"2"x,3', "stray_quote"),
        ('1,5" plate,3', "stray_quote"),
        (b"1,\xff\xfe,3", "not_utf8"),
        ("1,\0,3", "nul_byte"),
        (b'1,\xff,"x', "not_utf8"),
    ],
)
def test_a_bad_line_costs_only_itself(line: str | bytes, code: str) -> None:
    bad = line.encode() if isinstance(line, str) else line
    good, rejects = read(b"a,b,c\n" * 3 + bad + b"\n" + b'd,e,"f"\n' * 3)
    assert rejects == [(5, code)]
    assert [row[0] for row in good] == [2, 3, 4, 6, 7, 8]
    assert good[-1][1:] == ("d", "e", "f")


def test_a_declared_text_may_hold_line_breaks() -> None:
    good, rejects = read('1,2,"one\ntwo, ""three""\r\n\nfour"\n5,6,7\n')
    assert good == [(2, "1", "2", 'one\ntwo, "three"\r\n\nfour'), (6, "5", "6", "7")]
    assert rejects == []


def test_a_text_that_may_not_hold_line_breaks_does_not() -> None:
    good, rejects = read('1,"2\nx",3\n5,6,7\n')
    assert good == [(4, "5", "6", "7")]
    assert rejects == [(2, "unclosed_quote"), (3, "stray_quote")]


@pytest.mark.parametrize("after", ["4,5,6", '4,5,"six"', '4,"5","6 ""x"""'])
def test_a_lost_quote_does_not_swallow_the_lines_after_it(after: str) -> None:
    good, rejects = read(f'1,2,"lost\n{after}\n{after}\n')
    assert rejects == [(2, "unclosed_quote")]
    assert [row[0] for row in good] == [3, 4]


def test_blank_lines_hold_no_row() -> None:
    assert read("1,2,3\n\n4,5,6\n\n\n") == ([(2, "1", "2", "3"), (4, "4", "5", "6")], [])


def test_the_header_may_be_quoted_and_carry_a_byte_order_mark() -> None:
    assert split_header(b'\xef\xbb\xbf"a","b c"\r\nrest\n', Dialect()) == (["a", "b c"], b"rest\n")


def test_the_raw_text_of_a_record_can_be_had_again() -> None:
    assert raw_line(b'1,2,3\n4,"x\ny",6\n', 3, 4) == b'4,"x\ny",6'


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=8),
                 min_size=3, max_size=3).filter(any),
        max_size=8,
    )
)  # fmt: skip
def test_what_pythons_csv_writes_is_read_back(rows: list[list[str]]) -> None:
    rows = [
        [a.replace("\n", ""), b.replace("\n", ""), "." + note.replace("\n", "\n.") + ";"]
        for a, b, note in rows
    ]
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    good, rejects = read(stream.getvalue())
    assert rejects == []
    assert [list(row[1:]) for row in good] == rows


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["1,2,3", '1,"2",3', '1,"2,3', '"', '1,2,"x', 'y",2', "", "1,2", '1,2,"a""b"']),
        max_size=12,
    )
)
def test_every_line_is_a_record_a_reject_or_part_of_a_declared_text(lines: list[str]) -> None:
    body = "".join(line + "\n" for line in lines).encode()
    found = read_records(body, HEADER, HEADER, NOTES)
    starts = {*found.lines.to_pylist(), *(line for line, _ in found.rejects)}
    inside = {line for start, end in found.ends.items() for line in range(start + 1, end + 1)}
    blank = {number for number, line in enumerate(lines, start=2) if not line}
    assert starts | inside | blank == set(range(2, len(lines) + 2))
    assert not starts & inside
