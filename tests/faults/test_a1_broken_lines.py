"""A1: bad lines go to quarantine with line, reason and raw text; good lines are loaded."""

from pathlib import Path

from tests.warehouse.ingest.shop import HEADER, Shop


def test_a1_three_bad_lines_of_a_thousand_cost_three_rows(tmp_path: Path) -> None:
    lines = [f"o{n},u{n % 9},2025-03-05 10:00:00,1.00,good" for n in range(2, 1002)]
    lines[100] = 'o102,u1,2025-03-05 10:00:00,1.00,"lost quote'
    lines[200] = "o202,u1,2025-03-05 10:00:00"
    lines[300] = 'o302,"u1\nu2",2025-03-05 10:00:00,1.00,embedded line break'
    shop = Shop(tmp_path)
    shop.deliver("2025-03-05", orders_csv=HEADER + "\n".join(lines) + "\n")
    report = shop.ingest()
    # the broken record of two lines counts as two rows: each line is judged by itself
    assert report.rows_received == 1001
    assert report.rows_accepted == 997
    assert report.quarantined_by_reason == {"unclosed_quote": 2, "wrong_field_count": 1, "stray_quote": 1}
    assert shop.rows("select source_line, reason_code, raw_text from quarantine.rows order by 1") == [
        (102, "unclosed_quote", lines[100]),
        (202, "wrong_field_count", lines[200]),
        (302, "unclosed_quote", lines[300].split("\n")[0]),
        (303, "stray_quote", lines[300].split("\n")[1]),
    ]
    (reason,) = shop.rows("select reason from quarantine.rows where source_line = 202")[0]
    assert str(reason).startswith("2025-03-05/orders.csv line 202: the line has another number of fields")
    assert "To do: " in str(reason)


def test_a1_a_text_with_line_breaks_is_one_row_where_it_is_declared(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    text = (
        HEADER
        + 'o1,u1,2025-03-05 10:00:00,1,"first\nsecond, ""third"""\no2,u1,2025-03-05 10:00:00,x,"a\nb"\n'
    )
    shop.deliver("2025-03-05", orders_csv=text)
    assert shop.ingest().rows_received == 2
    assert shop.rows("select note from raw.shop__orders") == [('first\nsecond, "third"',)]
    assert shop.rows("select source_line, raw_text from quarantine.rows") == [
        (4, 'o2,u1,2025-03-05 10:00:00,x,"a\nb"')
    ]


def test_a1_broken_json_lines_cost_only_themselves(tmp_path: Path) -> None:
    times = '"ordered_at": "2025-03-05 10:00:00", "amount": 1.50}'
    good = '{"order_id": 12345678901234567890, "user_id": "u1", ' + times
    bad = ['{"order_id": 1', "[1]", '{"order_id": 1, "order_id": 2}', '{"order_id": "\\ud800"}']
    text = "\n".join([good, *bad, good.replace("1234567890", "7")]) + "\n"
    shop = Shop(tmp_path)
    shop.deliver("2025-03-05", orders_jsonl=text)
    assert shop.ingest().quarantined_by_reason == {"not_json": 4}
    assert shop.rows("select order_id, amount::varchar, note from raw.shop__orders order by 1") == [
        ("12345678901234567890", "1.5000", None),
        ("77", "1.5000", None),
    ]
    assert shop.rows("select raw_text from quarantine.rows order by source_line") == [(line,) for line in bad]
