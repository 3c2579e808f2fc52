"""What a shop delivers whose users were reached by campaigns from outside."""

import datetime as dt
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sample_shop.__main__ import main
from sample_shop.simulation import simulate
from tests.sample_shop.makers import DELIVERED, FIRST_DAY, Delivered, delivered_to, small_world
from tests.sample_shop.test_delivery import digests

USERS, LAST = 400, 119
WORLD = small_world(users=USERS, days=100, dirty_rate=0.0)
LAST_DAY = FIRST_DAY + dt.timedelta(days=LAST)


def messages(*days: int) -> list[dict[str, object]]:
    rows = []
    for day in days:
        for user in range(0, 200):
            channel = ("email", "sms", "call")[user % 3]
            rows.append(delivered_to(WORLD, day, user, action="coupon", channel=channel, face_value=25))
    return rows


def written(path: Path, rows: list[dict[str, object]]) -> str:
    pq.write_table(pa.Table.from_pylist(rows, schema=DELIVERED), path)
    return str(path)


def shop(home: Path, file: str = "", last_day: dt.date = LAST_DAY, *more: str) -> int:
    WORLD.save(home / "sample_shop" / "world.json")
    reached = ["--interventions", file] if file else []
    return main(["--home", str(home), "--last-day", last_day.isoformat(), *reached, *more])


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    home = tmp_path_factory.mktemp("reached")
    assert shop(home, written(home / "sent.parquet", messages(70, 100)), LAST_DAY, "--worth") == 0
    return Delivered(WORLD, home)


def test_every_message_comes_back_as_a_touch_under_its_own_id(reached: Delivered) -> None:
    sent = {row["message_id"]: row for row in messages(70, 100)}
    touches = {row["touch_id"]: row for row in reached.rows("campaign_touches")}
    assert sent.keys() <= touches.keys()
    for name, row in sent.items():
        touch = touches[name]
        assert (touch["user_id"], touch["campaign_id"]) == (row["user_id"], row["campaign_id"])
        assert (touch["channel"], touch["sent_at"]) == (row["channel"], str(row["sent_at"]))
        assert not touch["opened_at"] or touch["sent_at"] < touch["opened_at"]
        assert not touch["clicked_at"] or touch["opened_at"] < touch["clicked_at"]
    opened = sum(bool(touches[name]["opened_at"]) for name in sent)
    assert 0.2 < opened / len(sent) < 0.9
    assert any(touches[name]["clicked_at"] for name in sent)
    # the shop's own campaigns go on under ids of their own
    assert any(name.startswith("t0") for name in touches)


def test_a_code_of_ours_is_redeemed_by_its_user_before_it_expires(reached: Delivered) -> None:
    codes = {row["coupon_code"]: row for row in messages(70, 100)}
    orders = {row["coupon_code"]: row for row in reached.rows("orders") if row["coupon_code"] in codes}
    assert len(orders) > 5
    for code, order in orders.items():
        assert order["user_id"] == codes[code]["user_id"]
        assert order["ordered_at"][:10] <= str(codes[code]["expires_on"])
        assert 0 < Decimal(order["discount_amount"]) < Decimal(order["gross_amount"])
    redeemed = {row["coupon_code"] for row in reached.rows("coupon_redemptions")}
    assert orders.keys() == redeemed & codes.keys()
    honoured = {row["coupon_code"]: row for row in reached.rows("coupons")}
    assert codes.keys() <= honoured.keys()
    assert {honoured[code]["face_value"] for code in codes} == {"25.00"}


def test_withdrawals_and_complaints_are_delivered(reached: Delivered) -> None:
    days = {str(FIRST_DAY + dt.timedelta(days=day)) for day in (70, 100)}
    withdrawn = [row for row in reached.rows("consents") if row["granted"] == "false"]
    purposes = Counter(row["purpose"] for row in withdrawn if row["changed_at"][:10] in days)
    assert purposes.total() > 3
    angry = ("complain", "complaint", "投诉")
    assert any(
        any(word in row["message_text"] for word in angry)
        for row in reached.rows("support_messages")
        if row["sent_at"][:10] in days
    )


def test_a_growing_file_continues_the_world_and_rewrites_no_day(reached: Delivered, tmp_path: Path) -> None:
    first = written(tmp_path / "first.parquet", messages(70))
    assert shop(tmp_path / "home", first, FIRST_DAY + dt.timedelta(days=90)) == 0
    early = digests(tmp_path / "home" / "landing")
    both = written(tmp_path / "both.parquet", messages(100, 70))
    assert shop(tmp_path / "home", both) == 0
    late = digests(tmp_path / "home" / "landing")
    assert early.items() < late.items()
    assert late == digests(reached.home / "landing")


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert shop(tmp_path / "with", written(tmp_path / "nothing.parquet", [])) == 0
    simulate(WORLD, LAST_DAY, tmp_path / "without")
    assert digests(tmp_path / "with") == digests(tmp_path / "without")


def test_chunks_of_users_do_not_matter_to_what_is_delivered(reached: Delivered, tmp_path: Path) -> None:
    from sample_shop.interventions import Interventions

    sent = Interventions.read(reached.home / "sent.parquet", WORLD)
    simulate(WORLD, LAST_DAY, tmp_path, interventions=sent, users_at_once=90)
    assert digests(tmp_path / "landing") == digests(reached.home / "landing")


def test_the_truth_tells_what_each_action_is_worth(reached: Delivered) -> None:
    worth = pq.read_table(reached.truth / "action_worth.parquet").to_pydict()
    assert set(worth["as_of_date"]) == {LAST_DAY}
    assert Counter(worth["action"]).keys() == {
        "recommendation", "coupon", "service_call", "education", "community",
    }  # fmt: skip
    assert min(worth["extra_margin"]) < 0 < max(worth["extra_margin"])
    assert all(0 <= share <= 0.95 for share in worth["probability_noticed"])


def test_a_file_without_its_columns_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"message_id": ["m1"]}), tmp_path / "sent.parquet")
    assert shop(tmp_path, str(tmp_path / "sent.parquet")) == 2
    assert "must have the columns" in capsys.readouterr().err
    assert shop(tmp_path, str(tmp_path / "nowhere.parquet")) == 2
    assert "must be a Parquet file" in capsys.readouterr().err
