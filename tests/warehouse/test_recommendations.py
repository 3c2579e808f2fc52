"""Ten products per user and how they are judged: built by dbt, for real, over a small shop."""

import os
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.warehouse.dbt_makers import Row, Shop
from tests.warehouse.experiment_makers import HISTORY, build, prepare_experiments
from warehouse.connections import open_build
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.ingest import ingest
from warehouse.landing import land
from warehouse.ledger import Ledger
from warehouse.settings import Settings

# a Wednesday; its week is that of Sunday the 28th, which judges the 31st of May
DAY, SUNDAY, JUDGED = date(2026, 7, 1), date(2026, 6, 28), date(2026, 5, 31)
RECOMMENDATIONS = "path:models/marts/recommendations"
GARDEN, KITCHEN = ("spade", "rake", "hose"), ("pan", "pot", "knife")
GONE = "seldom"


def bought(user: str, on: date, *products: str, **changed: Any) -> tuple[list[Row], list[Row]]:
    number = f"{user}-{on}-{'-'.join(products)}"
    order = {
        "order_id": number,
        "user_id": user,
        "ordered_at": datetime(on.year, on.month, on.day, 3),
        "status": "paid",
        "gross_amount": 10,
        "discount_amount": 0,
        "currency": "CNY",
        **changed,
    }
    lines = [
        {"order_id": number, "line_number": line, "product_id": product, "quantity": 1, "unit_price": 10}
        for line, product in enumerate(products, start=1)
    ]
    return [order], lines


def deliver(shop: Shop, known_on: date, *orders: tuple[list[Row], list[Row]], **tables: list[Row]) -> None:
    shop.deliver(
        known_on,
        orders=[row for order, _ in orders for row in order],
        order_items=[row for _, lines in orders for row in lines],
        **tables,
    )


def viewed(user: str, on: date, product: str, kind: str = "product_view") -> Row:
    return {
        "event_id": f"{user}-{on}-{product}-{kind}",
        "user_id": user,
        "session_id": f"{user}-{on}",
        "occurred_at": datetime(on.year, on.month, on.day, 4),
        "event_type": kind,
        "product_id": product,
        "duration_seconds": 5,
        "device": "ios_app",
    }


USERS = {
    "gina": "CN",  # bought a spade in April
    "rita": "CN",  # bought a spade in April, and a rake a week ago
    "rolf": "CN",  # bought a spade in April, and sent a rake back
    "vera": "CN",  # looked at a pan, never bought
    "nora": "FR",  # new: nothing known but the country
    "ann": "CN",  # buys pans again and again
}


def score(shop: Shop, day: date) -> None:
    with open_build(shop.settings) as connection:
        connection.execute("create schema if not exists ml")
        connection.execute("create or replace table ml.churn_scores (as_of_date date, user_id varchar)")
        for user in USERS:
            connection.execute("insert into ml.churn_scores values (?, ?)", [day, user])
        connection.execute("delete from control.run")
        connection.execute("insert into control.run (run_id, as_of_date) values (?, ?)", [f"run-{day}", day])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("recommendations"))
    prepare_experiments(shop)
    crowd = [f"{kind}{number}" for kind in ("g", "k") for number in range(40)]
    first = date(2026, 4, 15)
    shop.deliver(
        first,
        users=[
            *({"user_id": user, "country": country} for user, country in USERS.items()),
            *({"user_id": user, "country": "CN"} for user in crowd),
            *({"user_id": f"f{number}", "country": "FR"} for number in range(3)),
        ],
        products=[
            *({"product_id": product, "category": "garden"} for product in GARDEN),
            *({"product_id": product, "category": "kitchen"} for product in KITCHEN),
            {"product_id": "postage", "category": "charge"},
            {"product_id": "beret", "category": "hats"},
            {"product_id": "sun hat", "category": "hats"},
        ],
    )
    deliver(
        shop,
        date(2026, 4, 20),
        *(bought(user, date(2026, 4, 20), "spade") for user in ("gina", "rita", "rolf")),
        *(bought(user, date(2026, 4, 20), *GARDEN, "postage") for user in crowd if user.startswith("g")),
        *(bought(user, date(2026, 4, 20), *KITCHEN, "postage") for user in crowd if user.startswith("k")),
        *(bought(user, date(2026, 4, 10 + days), "pan") for user in ("ann", "k1", "k2") for days in (0, 5)),
    )
    # what the judged day foretells: gardeners buy the rest of the garden
    deliver(
        shop,
        date(2026, 6, 10),
        *(bought(user, date(2026, 6, 8), "hose") for user in crowd[:35]),
        *(bought(user, date(2026, 6, 8), "sun hat", "postage") for user in crowd[40:46]),
        bought("gina", date(2026, 6, 8), "pot", status="cancelled"),
        *(bought(f"f{number}", date(2026, 6, 8), "beret") for number in range(3)),
        bought("rita", date(2026, 6, 9), "rake"),
        events=[viewed("vera", date(2026, 6, 9), "pan"), viewed("vera", date(2026, 6, 9), "pan", "favorite")],
        returns=[
            {
                "return_id": "r1",
                "user_id": "rolf",
                "product_id": "rake",
                "returned_at": datetime(2026, 5, 20, 3),
                "quantity": 1,
                "amount": 10,
            }
        ],
    )
    score(shop, DAY)
    build(shop, DAY, *HISTORY, command="build")
    build(shop, DAY, RECOMMENDATIONS, command="build")
    return shop


@pytest.fixture(scope="module")
def lists(shop: Shop) -> dict[str, list[tuple[str, str, str | None]]]:
    """Each user's products in order, with the reason and the product that it names."""
    found: dict[str, list[tuple[str, str, str | None]]] = {}
    for user, *recommended in shop.rows(
        "select user_id, product_id, reason_code, reason_product_id "
        "from recommendations.user_recommendations order by user_id, recommendation_rank"
    ):
        found.setdefault(user, []).append(tuple(recommended))
    return found


def test_every_scored_user_has_recommendations_and_nobody_else(
    shop: Shop, lists: dict[str, list[Any]]
) -> None:
    assert set(lists) == set(USERS)
    assert shop.rows("select distinct as_of_date, run_id from recommendations.user_recommendations") == [
        (DAY, f"run-{DAY}")
    ]
    ranks = shop.rows(
        "select user_id, max(recommendation_rank) = count(*) from recommendations.user_recommendations "
        "group by all"
    )
    assert all(is_gapless for _, is_gapless in ranks)


def test_what_goes_with_a_purchase_comes_first_and_is_explained(lists: dict[str, list[Any]]) -> None:
    assert lists["gina"][0] in {("rake", "bought_with", "spade"), ("hose", "bought_with", "spade")}
    assert {product for product, *_ in lists["gina"][:2]} == {"rake", "hose"}


def test_looking_at_something_is_a_taste_too(lists: dict[str, list[Any]]) -> None:
    product, code, reason = lists["vera"][0]
    assert (product in {"pot", "knife"}, code, reason) == (True, "liked_with", "pan")


def test_what_was_just_bought_or_sent_back_is_not_recommended(lists: dict[str, list[Any]]) -> None:
    assert "rake" in {product for product, *_ in lists["gina"]}
    assert "rake" not in {product for product, *_ in lists["rita"]}, "bought three weeks ago"
    assert "rake" not in {product for product, *_ in lists["rolf"]}, "sent back"


def test_what_is_bought_again_and_again_is_recommended_again(lists: dict[str, list[Any]]) -> None:
    assert ("pan", "bought_again", "pan") in lists["ann"]
    assert "bought_again" not in {code for _, code, _ in lists["vera"]}, "who looked has not bought"


def test_a_new_user_gets_what_is_popular_in_the_country_first(lists: dict[str, list[Any]]) -> None:
    assert lists["nora"][0] == ("beret", "popular_in_country", None)
    assert {code for _, code, _ in lists["nora"][1:]} == {"popular"}


def test_charges_are_no_products(shop: Shop, lists: dict[str, list[Any]]) -> None:
    assert "postage" not in {product for found in lists.values() for product, *_ in found}
    assert shop.rows(
        "select count(*) from recommendations.int_product_neighbours where neighbour_id = 'postage'"
    ) == [(0,)]


def test_reasons_are_told_in_two_languages(shop: Shop) -> None:
    told = shop.rows(
        "select reason_sentence_en, reason_sentence_zh from recommendations.user_recommendations "
        "where user_id = 'gina' and recommendation_rank = 1"
    )
    assert told == [("Liked by users who like spade, which you bought", "喜欢您买过的 spade 的顾客也喜欢它")]


def test_the_report_judges_what_the_day_could_have_known(shop: Shop) -> None:
    """The garden foretells the hose; what was popular before tells nothing, since nobody bought then."""
    rows = shop.rows(
        "select as_of_date, recommended_on, metric, users_judged, recommended, most_popular, verdict, run_id "
        "from recommendations.recommendation_report order by metric"
    )
    assert [row[:3] for row in rows] == [
        (SUNDAY, JUDGED, "hit_rate_at_10"),
        (SUNDAY, JUDGED, "ndcg_at_10"),
    ]
    for *_, users, recommended, most_popular, verdict, run_id in rows:
        # 35 gardeners, six cooks with a hat, three in France, rita
        assert users == 45
        assert 0.7 < recommended < 1
        assert most_popular == 0
        assert (verdict, run_id) == ("better", f"run-{DAY}")
    assert rows[0][4] == pytest.approx(36 / 45), "a cancelled order was not wanted"


def test_another_day_of_the_week_judges_and_learns_nothing_anew(shop: Shop) -> None:
    neighbours = shop.digest("recommendations.int_product_neighbours")
    report = shop.digest("recommendations.recommendation_report")
    score(shop, DAY + timedelta(days=1))
    build(shop, DAY + timedelta(days=1), RECOMMENDATIONS)
    assert shop.digest("recommendations.int_product_neighbours") == neighbours
    assert shop.digest("recommendations.recommendation_report") == report
    assert shop.rows("select count(*) from recommendations.int_tastes_learned") == [(0,)]
    assert shop.rows("select distinct purpose from recommendations.int_products_filled_up") == [("serve",)]
    assert shop.rows("select distinct as_of_date from recommendations.user_recommendations") == [
        (DAY + timedelta(days=1),)
    ]


def test_later_facts_do_not_change_what_a_day_recommended(shop: Shop) -> None:
    score(shop, DAY)
    build(shop, DAY, RECOMMENDATIONS)
    before = shop.digest("recommendations.user_recommendations")
    later = DAY + timedelta(days=2)
    deliver(
        shop,
        later,
        *(bought(f"g{number}", DAY, "beret") for number in range(40)),
        events=[viewed("gina", DAY - timedelta(days=1), "pot")],
        products=[{"product_id": "rake", "category": "charge"}],
        users=[{"user_id": "nora", "country": "CN"}],
    )
    build(shop, DAY, *HISTORY, RECOMMENDATIONS)
    assert shop.digest("recommendations.user_recommendations") == before


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("HOLDFAST_REAL_DATA"), reason="HOLDFAST_REAL_DATA is not set")
def test_on_real_baskets_recommendations_beat_the_most_popular(tmp_path: Path) -> None:
    settings = Settings.from_environment({"HOLDFAST_HOME": str(tmp_path), "HOLDFAST_SOURCE": "online_retail"})
    land(settings, Path(os.environ["HOLDFAST_REAL_DATA"]) / "online_retail")
    with Ledger.open(settings) as ledger:
        ingest(settings, ledger)
    day = date(2011, 11, 30)
    with open_build(settings) as connection:
        connection.execute(
            "create schema if not exists ml; create table ml.churn_scores (as_of_date date, user_id varchar)"
        )
        connection.execute(
            "create schema if not exists control; "
            "create table control.run as select 'run-1' as run_id, date '2011-11-30' as as_of_date"
        )
    history = ["path:models/staging/online_retail", "path:models/intermediate/history", "complaint_words"]
    for command, selected in (("build", history), ("run", [RECOMMENDATIONS])):
        run_dbt(settings, [command, "--quiet", "--select", *selected], dbt_vars(settings, [day]))
    with open_build(settings) as connection:
        report = {
            metric: figures
            for metric, *figures in connection.execute(
                "select metric, recommended, most_popular, difference_low "
                "from recommendations.recommendation_report"
            ).fetchall()
        }
    hit_rate, ndcg = report["hit_rate_at_10"], report["ndcg_at_10"]
    assert (hit_rate[0] > 0.62, hit_rate[1] < 0.55) == (True, True)
    assert (ndcg[0] > 0.19, ndcg[1] < 0.12) == (True, True)
    assert min(hit_rate[2], ndcg[2]) > 0.07, "the difference is not chance"
