"""The page of the day says what the published tables say."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.pages.today import day_of
from tests.serving.published_shop import (
    BEFORE,
    DAY,
    PublishedShop,
    alert,
    app_of,
    sign_in,
    tables_of_a_day,
    tier_of,
)


def test_the_tiers_the_flow_and_what_is_at_stake_add_up(app: FastAPI) -> None:
    with app.state.snapshots.reading() as snapshot:
        day = day_of(snapshot)
    assert [(count.tier, count.users, count.change) for count in day.tiers] == [
        ("high", 16, 4),
        ("medium", 12, 0),
        ("low", 12, -4),
    ]
    assert day.before == BEFORE
    assert day.flow == {
        ("high", "high"): 12,
        ("low", "high"): 4,
        ("medium", "medium"): 12,
        ("low", "low"): 12,
    }
    assert day.moved == {"up": 4, "down": 0, "new": 0, "gone": 0}
    # each user would spend 100: what is at risk is a hundred times the probabilities
    probabilities = {"high": 0.9, "medium": 0.6, "low": 0.2}
    expected = sum(100 * (probabilities[tier_of(number)] - number / 1000) for number in range(40))
    assert day.revenue_at_risk == pytest.approx(expected)
    assert day.revenue_share == pytest.approx(expected / 4000)
    assert sum(row["revenue_at_risk"] for row in day.revenue_by_country) == pytest.approx(expected)


def test_who_came_and_who_went_is_told_apart_from_who_moved(tmp_path: Path) -> None:
    shop = PublishedShop(tmp_path)
    shop.publish(users=12)
    rows = _history(shop, users=12)
    gone, new = rows[0], rows[-1]
    shop.publish(
        users=12, user_risk_tiers_history=[gone, *rows[1:12], *rows[13:24], {**new, "user_id": "newcomer"}]
    )
    with TestClient(app_of(shop)) as client, client.app.state.snapshots.reading() as snapshot:
        moved = day_of(snapshot).moved
    assert (moved["gone"], moved["new"]) == (1, 1)


def test_a_refreshed_day_is_still_compared_with_the_day_before_it(tmp_path: Path) -> None:
    shop = PublishedShop(tmp_path)
    # the rows of touched users look back at the list that was refreshed
    rows = [
        {**row, "previous_as_of_date": DAY} if row["user_id"] in ("u0001", "u0002") else row
        for row in _history(shop, 10)
        if row["as_of_date"] == DAY
    ]
    earlier = [row for row in _history(shop, 10) if row["as_of_date"] == BEFORE]
    shop.publish(users=10, user_risk_tiers_history=[*earlier, *rows])
    with TestClient(app_of(shop)) as client, client.app.state.snapshots.reading() as snapshot:
        day = day_of(snapshot)
    assert day.before == BEFORE
    assert sum(day.flow.values()) == 10
    assert day.moved == {"up": 1, "down": 0, "new": 0, "gone": 0}


def _history(shop: PublishedShop, users: int) -> list[dict[str, object]]:
    return tables_of_a_day("r", users)["user_risk_tiers_history"]


def test_the_page_shows_figures_gates_deliveries_campaigns_and_alerts(marketer: TestClient) -> None:
    page = marketer.get("/today").text
    for text in (
        "28 of 40 scored users are at risk",
        "+4 since 29 June 2026",
        "All 2 rules hold",
        "1,234",
        "Recommendation",
        "Call the user.",
        'href="/users?id=u0002"',
        "As of 30 June 2026",
    ):
        assert text in page, text


def test_the_flow_is_a_figure_and_a_table_with_the_same_numbers(marketer: TestClient) -> None:
    page = marketer.get("/today").text
    assert '"type": "sankey"' in page
    table = page.split('id="plot-flow"')[1].split("<table>")[1].split("</table>")[0]
    assert '<th scope="row">Low</th><td class="number">4</td>' in table


def test_analysts_see_no_user_ids_and_no_small_groups(analyst: TestClient) -> None:
    page = analyst.get("/today").text
    assert "u0002" not in page
    assert "p-" in page.split("Newest alerts")[1]
    # four users moved up: too few to be told of, and so is one user's country
    table = page.split('id="plot-flow"')[1].split("<table>")[1].split("</table>")[0]
    assert "not told" in table
    assert '<td class="number">4</td>' not in table
    assert "onerror" not in page


def test_a_broken_rule_is_told_with_its_message(tmp_path: Path) -> None:
    shop = PublishedShop(tmp_path)
    rule = {
        "report_kind": "gate_rule",
        "is_good": False,
        "gate": "raw",
        "message": "Half of the rows are gone.",
    }
    shop.publish(users=10, data_quality_report=[{**rule, "as_of_date": DAY}])
    app = app_of(shop)
    with TestClient(app) as client:
        page = sign_in(client, app).get("/today").text
    assert "1 rule is broken" in page
    assert "Half of the rows are gone." in page


@pytest.mark.parametrize(
    ("without", "alerts", "said"),
    [
        ((), [], "No alerts for this day"),
        (("risk_alerts",), [], "This snapshot holds no alerts"),
        ((), [alert(2, "r")], "Nothing was opened for a month."),
    ],
)
def test_alerts_that_are_none_or_not_known_yet_have_their_own_words(
    tmp_path: Path, without: tuple[str, ...], alerts: list[dict[str, object]], said: str
) -> None:
    shop = PublishedShop(tmp_path)
    shop.publish(users=10, without=without, risk_alerts=alerts)
    app = app_of(shop)
    with TestClient(app) as client:
        assert said in sign_in(client, app).get("/today").text


def test_old_figures_are_marked_stale_in_the_readers_language(tmp_path: Path) -> None:
    shop = PublishedShop(tmp_path)
    shop.publish(users=10, published_at=datetime.now(UTC) - timedelta(hours=49))
    app = app_of(shop)
    with TestClient(app) as client:
        sign_in(client, app)
        page = client.get("/today").text
        assert "These figures are old" in page
        assert "2 days ago" in page
        assert "数据已过期" in client.get("/today?lang=zh").text
        # the choice is kept
        assert "数据已过期" in client.get("/today").text


def test_a_home_without_a_publish_says_what_brings_the_first(tmp_path: Path) -> None:
    app = app_of(PublishedShop(tmp_path))
    with TestClient(app) as client:
        for path in ("/today", "/at-risk", "/users"):
            answer = sign_in(client, app).get(path)
            assert answer.status_code == 200
            assert "make demo" in answer.text


def test_the_first_published_day_has_no_flow_and_says_so(tmp_path: Path) -> None:
    shop = PublishedShop(tmp_path)
    first = [
        {**row, "previous_as_of_date": None} for row in _history(shop, 10) if row["as_of_date"] != BEFORE
    ]
    shop.publish(users=10, user_risk_tiers_history=first)
    app = app_of(shop)
    with TestClient(app) as client:
        page = sign_in(client, app).get("/today").text
    assert "appears once two days within a week have been scored" in page
    table = page.split('id="plot-mix"')[1].split("<table>")[1].split("</table>")[0]
    # of ten users three or four are of each value, and seven are at risk
    assert re.findall(r">(\d+)<", table) == ["2", "1", "1", "1", "1", "1", "1", "1", "1"]
    assert "sankey" not in page


def test_a_page_follows_the_next_publish(tmp_path: Path) -> None:
    shop = PublishedShop(tmp_path)
    first = shop.publish(users=10)
    app = app_of(shop)
    with TestClient(app) as client:
        assert f"Run {first}" in sign_in(client, app).get("/today").text
        second = shop.publish(users=20)
        app.state.snapshots._look_at = 0.0  # a second later
        page = client.get("/today").text
    assert f"Run {second}" in page
    assert "14 of 20 scored users" in page
