"""F8: parallel askers and one budget, double issue, codes that are guessed, values out of nowhere."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.coupons import ALPHABET, CODE_LENGTH, new_code
from tests.campaigns.published_day import PublishedDay, chosen, published_day
from tests.warehouse.conftest import postgres_server
from tests.warehouse.ledger.campaign_makers import coupon
from warehouse.errors import ContractBreach
from warehouse.ledger import Ledger
from warehouse.settings import REPOSITORY

__all__ = ["postgres_server"]

ASKERS = """
import sys
from tests.warehouse.ledger.campaign_makers import coupon
from warehouse.ledger import Ledger
with Ledger(sys.argv[1]) as ledger:
    for number in range(25):
        user = f"{sys.argv[2]}-{number}"
        with ledger.writing() as connection:
            ledger.issue_coupons(connection, [coupon(user)], budget=10, charge=1)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    import psycopg

    found: str = request.getfixturevalue("postgres_server")
    with psycopg.connect(found, autocommit=True) as connection:
        connection.execute("drop schema public cascade; create schema public")
    return found


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PublishedDay]:
    with published_day(tmp_path, monkeypatch) as opened:
        yield opened


def test_a_budget_of_ten_with_a_hundred_parallel_askers_issues_ten(url: str) -> None:
    with Ledger(url):
        pass
    processes = [
        subprocess.Popen([sys.executable, "-c", ASKERS, url, str(number)], cwd=REPOSITORY)
        for number in range(4)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0, 0]
    with Ledger(url) as ledger:
        issued = ledger.coupons("shop")
        (budget,) = ledger.coupon_budgets("shop")
    assert len(issued) == 10
    assert (budget.spent, budget.budget) == (10, 10)


def test_the_same_user_asking_many_times_at_once_gets_one_coupon(url: str) -> None:
    with Ledger(url) as ledger:
        got: list[str] = []

        def ask(number: int) -> None:
            with ledger.writing() as connection:
                mine = ledger.issue_coupons(connection, [coupon("u1", f"C{number}")], budget=10, charge=1)
            got.append(mine["u1"].coupon_code)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 12
        assert len(set(got)) == len(ledger.coupons("shop")) == 1
        assert [one.spent for one in ledger.coupon_budgets("shop")] == [1]


def test_who_comes_after_the_budget_is_spent_is_suppressed_and_stays_so(shop: PublishedDay) -> None:
    # 20 off, used by 15 in 100: 3 a coupon are planned; the admission's own budget is wider
    shop.set_seed("campaign_policy", "win_back_coupon", budget=9, budget_per_day=9)
    rows = [chosen(f"u{number}", "win_back_coupon", choice_rank=number, cost=0.02) for number in range(5)]
    shop.decide(*rows)
    found = {one.user_id: (one.state, one.failure) for one in shop.ledger.messages("sample_shop")}
    assert Counter(found.values()) == {("pending", None): 3, ("suppressed", "budget_exhausted"): 2}
    assert [user for user, (state, _) in found.items() if state == "suppressed"] == ["u3", "u4"]
    assert len(shop.ledger.coupons("sample_shop")) == 3
    shop.set_seed("campaign_policy", "win_back_coupon", budget=90, budget_per_day=90)
    again = shop.decide(*rows)["win_back_coupon"]
    assert (again.messages_new, again.changed) == (0, ())
    assert len(shop.ledger.coupons("sample_shop")) == 3


def test_no_coupon_without_its_message_and_no_message_without_its_coupon(
    shop: PublishedDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = shop.publish([chosen("u1", "win_back_coupon"), chosen("u2")])

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
        patch.setattr(Ledger, "write_messages", fail)
        shop.record(snapshot)
    assert shop.ledger.coupons("sample_shop") == shop.ledger.messages("sample_shop") == ()
    assert shop.ledger.coupon_budgets("sample_shop") == shop.ledger.assignments("sample_shop") == ()
    shop.record(snapshot)
    (issued,) = shop.ledger.coupons("sample_shop")
    (told,) = shop.ledger.messages("sample_shop", user_id="u1")
    assert (told.coupon_code, told.message_id) == (issued.coupon_code, issued.message_id)


def test_a_value_that_is_not_the_seeds_is_not_issued(shop: PublishedDay) -> None:
    with pytest.raises(ContractBreach, match="seed"):
        shop.decide(chosen("u1", "recommendation", offer_id="coupon_20"))
    shop.decide(chosen("u1", "win_back_coupon", expected_net_value=1e9, cost=0.01, value_tier="high"))
    assert [one.face_value for one in shop.ledger.coupons("sample_shop")] == [20]


def test_codes_cannot_be_guessed() -> None:
    codes = {new_code() for _ in range(5_000)}
    assert len(codes) == 5_000
    assert {len(code) for code in codes} == {CODE_LENGTH}
    letters = Counter("".join(codes))
    assert set(letters) == set(ALPHABET)
    expected = 5_000 * CODE_LENGTH / len(ALPHABET)
    assert all(0.9 < count / expected < 1.1 for count in letters.values())
    assert len(ALPHABET) ** CODE_LENGTH > 2**78
