"""A2: the same content again changes nothing; other content for a known key supersedes and is reported."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.ingest.shop import HEADER, Shop, orders


def test_a2_the_same_file_under_another_name_changes_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.deliver("2025-03-05", orders_csv=orders(), visits_csv="at,page\n2025-03-05 10:00:00,home\n")
    shop.ingest()
    before = shop.digest()
    shop.deliver("2025-03-05", orders_again_csv=orders())
    shop.deliver("2025-03-06", orders_csv=orders(), visits_csv="at,page\n2025-03-05 10:00:00,home\n")
    report = shop.ingest()
    assert [(o.status, o.rows_duplicate) for o in report.deliveries] == [("duplicate", 10), ("duplicate", 11)]
    assert shop.digest() == before
    assert shop.ingest().deliveries == ()


def test_a2_known_rows_in_a_new_file_are_exact_duplicates(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.deliver("2025-03-05", orders_csv=orders(), visits_csv="at,page\n2025-03-05 10:00:00,home\n")
    shop.deliver(
        "2025-03-06",
        orders_csv=orders(11),
        visits_csv="at,page\n2025-03-05 10:00:00,home\n2025-03-06 10:00:00,home\n",
    )
    report = shop.ingest()
    assert [(o.rows_accepted, o.rows_duplicate) for o in report.deliveries] == [(11, 0), (2, 11)]
    pointers = shop.rows("select distinct same_as_file from control.exact_duplicates order by 1")
    assert pointers == [("2025-03-05/orders.csv",), ("2025-03-05/visits.csv",)]


def test_a2_other_content_for_a_known_key_is_a_new_version_and_reported(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.deliver("2025-03-05", orders_csv=orders())
    changed = HEADER + "o3,u3,2025-03-05 10:00:03,99.50,fine\n"
    shop.deliver("2025-03-06", orders_csv=changed + orders(3, "2025-03-06", 50))
    (_, second) = shop.ingest().accepted
    assert second.conflicts == 1
    versions = (
        "select amount::varchar, known_on::varchar from raw.shop__orders "
        "where order_id = 'o3' order by delivery_number"
    )
    assert shop.rows(versions) == [("3.5000", "2025-03-05"), ("99.5000", "2025-03-06")]


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a2_order_of_lines_and_names_and_number_of_files_do_not_matter(
    tmp_path: Path, data: st.DataObject
) -> None:
    lines = orders(12).splitlines(keepends=True)[1:]
    lines.append("o90,u1,never,1,bad\n")
    shuffled = data.draw(st.permutations(lines))
    cut = data.draw(st.integers(0, len(lines)))
    names = data.draw(st.permutations(["orders_a_csv", "orders_b_csv", "orders_c_csv"]))
    repeated = data.draw(st.lists(st.sampled_from(lines[:-1]), max_size=3))

    plain, mixed = (
        Shop(tmp_path / f"{hash((name, *shuffled, cut, *names, *repeated))}") for name in ("plain", "mixed")
    )
    plain.deliver("2025-03-05", orders_csv=HEADER + "".join(lines))
    parts = ["".join(shuffled[:cut]), "".join(shuffled[cut:]), "".join(repeated)]
    mixed.deliver("2025-03-05", **{name: HEADER + part for name, part in zip(names, parts, strict=True)})
    plain.ingest()
    report = mixed.ingest()
    assert mixed.digest() == plain.digest()
    assert report.rows_received == 13 + len(repeated)
    assert report.quarantined_by_reason == {"not_a_time": 1}
    plain.ledger.close()
    mixed.ledger.close()
