"""The page of the model."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.pages.model_figures import model_of, shown_slices
from serving.pages.trainings import Estimate
from tests.serving.pages.deep_rows import DEFINITION, ENTITY, deep_tables, model_tables, slice_row
from tests.serving.published_shop import MODEL, PublishedShop, app_of, sign_in

PICTURE = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> PublishedShop:
    shop = PublishedShop(tmp_path_factory.mktemp("models"))
    shop.publish(**deep_tables())
    return shop


@pytest.fixture(scope="module")
def app(shop: PublishedShop) -> Iterator[FastAPI]:
    app = app_of(shop)
    with TestClient(app):
        yield app


@pytest.fixture
def reports(shop: PublishedShop) -> Iterator[Path]:
    folder = shop.settings.warehouse.reports
    (folder / "model_card").mkdir(parents=True, exist_ok=True)
    yield folder
    (folder / "model_card.md").unlink(missing_ok=True)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_champion_is_shown_with_its_lead_over_the_recency_rule(app: FastAPI, language: str) -> None:
    page = sign_in(TestClient(app), app).get("/model", params={"lang": language})
    assert page.status_code == 200
    for shown in (MODEL, "+0.150", "0.750", "1.50×", {"en": "Promoted", "zh": "升为冠军"}[language]):
        assert shown in page.text
    for name in ("gain", "lift", "reliability", "distribution", "backtest", "themes", "inputs", "learning"):
        assert f'data-plot="{name}"' in page.text
    assert ENTITY not in page.text
    # nor does Plotly take it for an order to write in bold
    assert "&lt;b&gt;hostile" in page.text
    assert "\\u0026lt;b\\u0026gt;hostile" in page.text


def test_an_interval_that_holds_0_is_inconclusive() -> None:
    assert [
        Estimate(0.1, *ends).sign for ends in ((0.05, 0.15), (-0.01, 0.2), (-0.3, -0.1), (None, None))
    ] == [
        1,
        0,
        -1,
        0,
    ]


def test_alarms_are_those_of_the_newest_day_that_was_watched(app: FastAPI) -> None:
    with app.state.snapshots.reading() as snapshot:
        model = model_of(snapshot)
    assert [(alarm["check_kind"], alarm["subject"]) for alarm in model.alarms] == [
        ("feature_drift", "sessions_90d")
    ]
    assert model.check_kinds == {"feature_drift": (1, 1), "model_age": (1, 0)}
    assert [(row["checks"], row["alarms"]) for row in model.alarms_by_day] == [(1, 0), (2, 1)]


def test_slices_are_told_apart_only_as_far_as_the_reader_may_know(app: FastAPI) -> None:
    with app.state.snapshots.reading() as snapshot:
        model = model_of(snapshot)
    open_to_all = {(one.name, one.value): one.users for one in shown_slices(model, is_masked=False)}
    masked = {(one.name, one.value): one.users for one in shown_slices(model, is_masked=True)}
    assert open_to_all["country", "MY"] == 4
    # four users who all churned: neither they nor, by subtraction, the next smallest group are counted
    assert masked == {("everybody", "everybody"): 300, ("country", "CN"): 220, ("country", "SG"): None,
                      ("country", "MY"): None}  # fmt: skip


def test_another_definition_can_be_chosen_and_an_unknown_one_is_an_error(app: FastAPI) -> None:
    client = sign_in(TestClient(app), app)
    assert client.get("/model", params={"definition": DEFINITION}).status_code == 200
    unknown = client.get("/model", params={"definition": "no_such"})
    assert unknown.status_code == 404
    assert "no_such" in unknown.text


@pytest.mark.parametrize(
    ("without", "tables", "said"),
    [
        (("model_report", "model_decisions", "model_curves", "model_health"), {}, "No model yet"),
        ((), {}, "No model yet"),
        (
            ("model_curves", "model_health", "churn_scores_by_definition"),
            model_tables(),
            "has not looked yet",
        ),
        ((), model_tables(chosen="recency_rule"), "The recency rule is in force"),
    ],
)
def test_what_is_not_there_is_said(
    tmp_path: Path, without: tuple[str, ...], tables: dict[str, list[dict[str, object]]], said: str
) -> None:
    shop = PublishedShop(tmp_path)
    shop.publish(without=without, **{name: rows for name, rows in tables.items() if name not in without})
    app = app_of(shop)
    with TestClient(app) as client:
        page = sign_in(client, app).get("/model")
    assert page.status_code == 200
    assert said in page.text


def test_a_slice_of_few_users_has_no_figure_for_anybody(tmp_path: Path) -> None:
    shop = PublishedShop(tmp_path)
    rows = [*slice_row("country", "CN", 200, 100), *slice_row("country", "MY", 4, 2, is_small=True)]
    shop.publish(**{**model_tables(), "model_slices": rows})
    app = app_of(shop)
    with TestClient(app), app.state.snapshots.reading() as snapshot:
        shown = {one.value: one for one in shown_slices(model_of(snapshot), is_masked=False)}
    assert shown["MY"].is_small
    assert shown["MY"].measure.value is None
    assert shown["CN"].measure.value == 0.7


def test_the_card_is_drawn_and_nothing_in_it_is_taken_for_html(app: FastAPI, reports: Path) -> None:
    (reports / "model_card.md").write_text(
        "# Model card\n\n## How good\n\n| a | b |\n|---|---:|\n| x | 1 |\n\n<script>alert(1)</script>\n\n"
        "![Gain](model_card/gain.png) ![Away](https://example.org/x.png) [out](javascript:alert(1))\n"
    )
    (reports / "model_card" / "gain.png").write_bytes(PICTURE)
    client = sign_in(TestClient(app), app)
    page = client.get("/model/card")
    assert page.status_code == 200
    article = page.text.split("<article", 1)[1].split("</article>")[0]
    assert "<h2>How good</h2>" in article
    assert '<td class="number">1</td>' in article
    assert "style=" not in article
    assert "&lt;script&gt;" in article
    assert "<script" not in article
    assert 'src="/model/card/gain.png"' in article
    assert "example.org" not in article.replace("https://example.org/x.png)", "")
    assert 'href="javascript' not in article
    picture = client.get("/model/card/gain.png")
    assert (picture.content, picture.headers["content-type"]) == (PICTURE, "image/png")


@pytest.mark.parametrize("name", ["none.png", "..%2f..%2fledger.png", "gain.svg", "GAIN.png"])
def test_only_pictures_of_the_card_are_sent(app: FastAPI, name: str) -> None:
    assert sign_in(TestClient(app), app).get(f"/model/card/{name}").status_code == 404


def test_without_a_card_the_page_says_how_to_get_one(app: FastAPI) -> None:
    assert "make model-card" in sign_in(TestClient(app), app).get("/model/card").text


def test_nobody_sees_the_model_or_its_pictures_without_signing_in(app: FastAPI) -> None:
    client = TestClient(app, follow_redirects=False)
    for path in ("/model", "/model/card", "/model/card/gain.png", "/campaigns", "/data", "/data/dbt-docs"):
        answer = client.get(path)
        assert answer.status_code == 303, path
        assert "/sign-in" in answer.headers["location"]
