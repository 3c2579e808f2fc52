"""A9: one person is not split, two are not merged, and text is kept as it came."""

import unicodedata
from pathlib import Path

from tests.warehouse.ingest.shop import HEADER, Shop


def row(order: str, user: str, note: str = "") -> str:
    return f"{order},{user},2025-03-05 10:00:00,1,{note}\n"


def test_a9_ids_that_are_the_same_become_the_same_and_tricky_ones_are_refused(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    composed, decomposed = unicodedata.normalize("NFC", "Zoë"), unicodedata.normalize("NFD", "Zoë")
    same = [composed, decomposed, f" {composed}\u00a0", f"\u3000{decomposed}"]
    other = ["Zoe", "zoë", "客户", "👤", "𠮷"]
    tricky = ["Zo\u200bë", "\u202eZoë", "Zo\u00adë", "Zo\x07ë"]
    lines = [row(f"o{n}", user) for n, user in enumerate([*same, *other, *tricky])]
    many = "".join(row(f"m{n}", "many") for n in range(40))
    shop.deliver("2025-03-05", orders_csv="\ufeff" + HEADER + many + "".join(lines))
    assert shop.ingest().quarantined_by_reason == {"unsafe_id": len(tricky)}
    found = shop.rows("select distinct user_id from raw.shop__orders where user_id <> 'many'")
    assert {user for (user,) in found} == {composed, *other}


def test_a9_bytes_that_are_no_text_are_quarantined_without_loss(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    many = "".join(row(f"m{n}", "many") for n in range(40)).encode()
    latin = row("o1", "José").encode("latin-1")
    nul = row("o2", "u\0x").encode()
    shop.deliver("2025-03-05", orders_csv=HEADER.encode() + many + latin + nul)
    assert shop.ingest().quarantined_by_reason == {"not_utf8": 1, "nul_byte": 1}
    found = [text for (text,) in shop.rows("select raw_text from quarantine.rows order by source_line")]
    assert found == ["o1,Jos\\xe9,2025-03-05 10:00:00,1,", "o2,u\\x00x,2025-03-05 10:00:00,1,"]


def test_a9_a_declared_encoding_is_read(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    path = shop.settings.dbt_project / "models/staging/shop/_shop__sources.yml"
    shop.declare(
        path.read_text().replace('files: ["orders*"]', 'files: ["orders*"]\n            encoding: gb18030')
    )
    shop.deliver("2025-03-05", orders_csv=(HEADER + row("o1", "u1", "很好")).encode("gb18030"))
    shop.ingest()
    assert shop.rows("select note from raw.shop__orders") == [("很好",)]


def test_a9_text_is_kept_as_it_came(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    note = "  e\u0301 \u00a0\u200b\u202e 👩\u200d🌾 𠮷 "
    shop.deliver("2025-03-05", orders_csv=HEADER + row("o1", "u1", note))
    shop.ingest()
    assert shop.rows("select note from raw.shop__orders") == [(note,)]
