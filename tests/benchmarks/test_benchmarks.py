"""The benchmarks compare like with like: what is timed by hand is what the product builds."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from benchmarks.features import assert_same, hand_written, product_models, scratch
from benchmarks.report import Figure, Section, page
from benchmarks.shop import FIRST_DAY, Shop, settings_of
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.ingest import ingest
from warehouse.ledger import Ledger
from warehouse.settings import Settings

DAYS = 75


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, date]]:
    """A home with a tiny shop, ingested beyond the day that is built: later rows must not count."""
    folder = tmp_path_factory.mktemp("benchmarks")
    shop, settings = Shop(folder / "shop", users=120, days=DAYS), settings_of(folder / "home")
    shop.simulate()
    shop.deliver(settings, 1, DAYS)
    with Ledger.open(settings) as ledger:
        ingest(settings, ledger, progress=lambda _: None)
    day = FIRST_DAY + timedelta(days=DAYS - 15)
    command = ["build", "--quiet", "--resource-type", "model", "--resource-type", "seed"]
    run_dbt(settings, [*command, "--selector", "features"], dbt_vars(settings, [day]))
    return settings, day


@pytest.mark.slow
def test_features_by_hand_are_the_products_features(built: tuple[Settings, date]) -> None:
    settings, day = built
    by_hand, models = hand_written(settings, day), product_models(settings, day)
    with scratch(settings) as connection:
        rows, columns = assert_same(connection, by_hand, models)
        stored = connection.execute(
            "select count(*) from build.features.user_features where as_of_date = ?", [day]
        ).fetchone()
    assert (rows,) == stored
    assert rows > 50
    assert columns > 100


@pytest.mark.slow
def test_a_difference_is_found_and_named(built: tuple[Settings, date]) -> None:
    settings, day = built
    wrong = [
        part.replace("activity_date > date", "activity_date >= date") for part in hand_written(settings, day)
    ]
    models = product_models(settings, day)
    with (
        scratch(settings) as connection,
        pytest.raises(AssertionError, match=r"rows that differ.*'paid_orders_7d'"),
    ):
        assert_same(connection, wrong, models)


@pytest.mark.parametrize(("value", "verdict"), [(1.5, "PASS"), (1.51, "MISSED")])
def test_a_figure_is_judged_by_its_ratio(value: float, verdict: str) -> None:
    assert Figure("features", value, 1.0, "s", 1.5, "by hand").verdict == verdict


def test_a_page_shows_figure_reference_and_verdict() -> None:
    figure = Figure("features", 3.0, 2.0, "s", 1.5, "by hand")
    text = page("python -m benchmarks", [Section("Features", "How.", figures=(figure,))])
    assert "| features | 3.00 s   | 2.00 s (by hand) | 1.50  | at most 1.50 | PASS    |" in text


def test_a_page_keeps_what_was_not_measured_again() -> None:
    def section(title: str, value: float) -> Section:
        return Section(title, "How.", figures=(Figure("one", value, 1.0, "s", None, "two"),))

    first = page("both", [section("Features", 3.0), section("Relay", 4.0)])
    second = page("one", [section("Features", 5.0)], before=first)
    assert second == first.replace("3.00", "5.00").replace("Written by `both`", "Written by `one`", 1)
    assert page("all", [section("Features", 3.0), section("Relay", 4.0)], before=second).count("## ") == 2
