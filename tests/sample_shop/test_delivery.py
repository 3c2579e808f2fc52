"""What lands: files, columns, manifests, and the same bytes every time."""

import csv
import datetime as dt
import gzip
import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sample_shop.__main__ import main
from sample_shop.contract import TABLES
from sample_shop.simulation import simulate
from sample_shop.world import ShopError, World
from tests.sample_shop.makers import FIRST_DAY, Delivered, small_world

CONTRACT = {
    "users": "user_id,signed_up_at,country,region,city,birth_year,gender,acquisition_channel,language",
    "user_contacts": "user_id,email,phone,push_token",
    "consents": "user_id,purpose,changed_at,granted",
    "events": "event_id,user_id,session_id,occurred_at,event_type,product_id,duration_seconds,device",
    "orders": "order_id,user_id,ordered_at,status,gross_amount,discount_amount,currency,coupon_code",
    "order_items": "order_id,line_number,product_id,quantity,unit_price",
    "returns": "return_id,order_id,user_id,product_id,returned_at,quantity,amount,reason",
    "reviews": "review_id,user_id,product_id,reviewed_at,rating,review_text",
    "support_messages": "message_id,conversation_id,user_id,sent_at,sender,message_text,satisfaction",
    "products": "product_id,category,brand,list_price",
    "promotions": "promotion_id,starts_on,ends_on,name,discount_rate,category",
    "campaign_touches": "touch_id,user_id,campaign_id,channel,sent_at,opened_at,clicked_at",
    "coupons": "coupon_code,user_id,campaign_id,issued_at,expires_on,face_value",
    "coupon_redemptions": "redemption_id,coupon_code,order_id,redeemed_at",
}


def digests(folder: Path) -> dict[str, str]:
    """Digest of every file under a folder, by relative path."""
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert found
    return found


def test_every_table_of_the_contract_has_exactly_its_columns(clean_shop: Delivered) -> None:
    assert set(TABLES) == set(CONTRACT)
    for table, columns in CONTRACT.items():
        for path in clean_shop.files(table):
            assert _columns_of(path) == columns.split(","), path


def _columns_of(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        return list(pq.read_schema(path).names)
    if path.suffix == ".jsonl":
        return list(json.loads(path.read_text(encoding="utf-8").splitlines()[0]))
    text = (
        gzip.decompress(path.read_bytes()).decode()
        if path.suffix == ".gz"
        else path.read_text(encoding="utf-8")
    )
    return next(csv.reader(text.splitlines()))


def test_the_mixed_format_mixes_the_kinds_of_files(clean_shop: Delivered) -> None:
    kinds = {path.name for path in clean_shop.landing.glob("*/*")}
    assert {
        "users.csv",
        "events.csv.gz",
        "reviews.jsonl",
        "support_messages.jsonl",
        "products.parquet",
    } <= kinds
    assert {name.split(".")[0] for name in kinds} == {*TABLES, "_manifest"}


def test_every_day_brings_its_daily_tables_and_no_empty_file_of_the_others(tmp_path: Path) -> None:
    simulate(small_world(users=3, days=40), FIRST_DAY + dt.timedelta(days=39), tmp_path)
    folders = sorted((tmp_path / "landing" / "sample_shop").iterdir())
    assert [folder.name for folder in folders] == [str(FIRST_DAY + dt.timedelta(days=d)) for d in range(40)]
    header_only = 0
    for folder in folders:
        listed = {
            entry["name"]: entry for entry in json.loads((folder / "_manifest.json").read_text())["files"]
        }
        assert {"events.csv.gz", "orders.csv", "order_items.csv"} <= set(listed)
        header_only += listed["orders.csv"]["rows"] == 0
        assert all(entry["rows"] for name, entry in listed.items() if name.split(".")[0] not in _DAILY)
    assert header_only


_DAILY = {"events", "orders", "order_items"}


def test_the_manifest_lists_every_file_with_rows_bytes_and_digest(dirty_shop: Delivered) -> None:
    for folder in dirty_shop.landing.iterdir():
        listed = json.loads((folder / "_manifest.json").read_text(encoding="utf-8"))["files"]
        assert {entry["name"] for entry in listed} == {p.name for p in folder.iterdir()} - {"_manifest.json"}
        for entry in listed:
            content = (folder / entry["name"]).read_bytes()
            assert entry["bytes"] == len(content)
            assert entry["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_same_seed_gives_the_same_bytes_however_users_are_cut_into_chunks(
    dirty_shop: Delivered, tmp_path: Path
) -> None:
    simulate(dirty_shop.world, FIRST_DAY + dt.timedelta(days=89), tmp_path, users_at_once=70)
    assert digests(tmp_path / "landing") == digests(dirty_shop.home / "landing")


def test_another_seed_gives_another_world(dirty_shop: Delivered, tmp_path: Path) -> None:
    simulate(small_world(seed=12), FIRST_DAY + dt.timedelta(days=89), tmp_path)
    ours, theirs = digests(tmp_path / "landing"), digests(dirty_shop.home / "landing")
    same = {path for path in ours.keys() & theirs.keys() if ours[path] == theirs[path]}
    # what does not depend on users: headers of days without orders, and general promotions
    assert len(same) < len(ours) / 20


def test_a_later_last_day_changes_no_earlier_folder(dirty_shop: Delivered, tmp_path: Path) -> None:
    simulate(dirty_shop.world, FIRST_DAY + dt.timedelta(days=69), tmp_path)
    first = digests(tmp_path / "landing")
    simulate(dirty_shop.world, FIRST_DAY + dt.timedelta(days=89), tmp_path)
    both = digests(tmp_path / "landing")
    assert first.items() < both.items()
    assert both == digests(dirty_shop.home / "landing")


def test_the_shop_goes_on_after_the_days_it_was_made_for(tmp_path: Path) -> None:
    world = small_world(days=30)
    simulate(world, FIRST_DAY + dt.timedelta(days=40), tmp_path)
    late = [row for row in Delivered(world, tmp_path).lines("users") if f"{FIRST_DAY:%Y}-10-1" in row]
    assert late


def test_deliver_from_writes_later_folders_only(tmp_path: Path) -> None:
    world = small_world(users=50, days=20)
    simulate(
        world, FIRST_DAY + dt.timedelta(days=19), tmp_path, deliver_from=FIRST_DAY + dt.timedelta(days=18)
    )
    names = [folder.name for folder in (tmp_path / "landing" / "sample_shop").iterdir()]
    assert sorted(names) == ["2025-09-19", "2025-09-20"]


def test_what_a_killed_run_left_behind_is_cleared_away(tmp_path: Path) -> None:
    world, last_day = small_world(users=20, days=3), FIRST_DAY + dt.timedelta(days=2)
    shelf = tmp_path / "sample_shop" / ".shelf-of-a-killed-run"
    half_written = tmp_path / "landing" / "sample_shop" / f".{FIRST_DAY}.writing"
    for folder in (shelf, half_written):
        folder.mkdir(parents=True)
        (folder / "rubbish").write_text("rubbish")
    simulate(world, last_day, tmp_path)
    assert {path.name for path in (tmp_path / "sample_shop").iterdir()} == {"world.json", "truth"}
    assert {path.name for path in half_written.parent.iterdir()} == {"2025-09-01", "2025-09-02", "2025-09-03"}
    assert not list(tmp_path.rglob("rubbish"))


def test_a_home_with_another_world_is_refused(tmp_path: Path) -> None:
    small_world(users=50).save(tmp_path / "sample_shop" / "world.json")
    with pytest.raises(ShopError, match="another world"):
        simulate(small_world(users=51), FIRST_DAY, tmp_path)


def test_the_command_continues_the_world_it_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin = [
        "--users",
        "40",
        "--days",
        "20",
        "--seed",
        "3",
        "--last-day",
        "2026-06-30",
        "--home",
        str(tmp_path),
    ]
    assert main(begin) == 0
    assert World.load(tmp_path / "sample_shop" / "world.json").first_day == dt.date(2026, 6, 11)
    assert main(["--deliver-from", "2026-06-30", "--last-day", "2026-07-01", "--home", str(tmp_path)]) == 0
    assert (tmp_path / "landing" / "sample_shop" / "2026-07-01" / "_manifest.json").is_file()
    assert "simulating users" in capsys.readouterr().err
    assert main([*begin, "--users", "41"]) == 2
    assert "another world" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file_format", "ending"), [("csv", ".csv"), ("parquet", ".parquet"), ("jsonl", ".jsonl")]
)
def test_a_single_format_delivers_every_table_in_it(tmp_path: Path, file_format: str, ending: str) -> None:
    world = small_world(users=60, days=30, file_format=file_format)
    simulate(world, FIRST_DAY + dt.timedelta(days=29), tmp_path)
    endings = {"".join(path.suffixes[:1]) for path in (tmp_path / "landing").rglob("*") if path.is_file()}
    assert endings == {ending, ".json"}
    counts = json.loads((tmp_path / "sample_shop" / "truth" / "dirty_rows.json").read_text())
    reader = Delivered(world, tmp_path)
    if file_format == "parquet":
        orders = sum(pq.read_table(path).num_rows for path in reader.files("orders"))
    else:
        orders = sum(1 for _ in reader.lines("orders"))
    assert orders == counts["rows_delivered"]["orders"] > 0
