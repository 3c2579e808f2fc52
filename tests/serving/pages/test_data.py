"""The page of the data."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.pages.data_figures import data_of
from serving.pages.remembered import remembered
from tests.serving.pages.deep_rows import data_rows
from tests.serving.published_shop import BEFORE, DAY, PublishedShop, app_of, sign_in
from warehouse.publish.lineage import LINEAGE_NAME
from warehouse.publish.pointer import snapshots_folder

NODES = [
    {"name": name, "kind": kind, "description": "One row per user.", "depends_on": parents,
     "columns": columns, "published_as": published}
    for name, kind, parents, columns, published in (
        ("raw.orders", "delivery", [], ["order_id", "user_id"], []),
        ("staging.stg_shop__orders", "table", ["raw.orders"], [], []),
        ("features.user_features", "table", ["staging.stg_shop__orders"], ["user_id", "orders_30d"], []),
        ("ml.churn_scores", "python", ["features.user_features"], [], []),
        ("seeds.risk_tier_cutoffs", "rules", [], ["risk_tier"], []),
        ("risk.user_risk_tiers_history", "table",
         ["features.user_features", "ml.churn_scores", "seeds.risk_tier_cutoffs"], ["user_id", "risk_tier"],
         ["user_risk_tiers_history", "user_risk_tiers"]),
    )
]  # fmt: skip


def publish(shop: PublishedShop, *, lineage: bool = True, **more: object) -> None:
    run_id = shop.publish(data_quality_report=data_rows(), **more)  # type: ignore[arg-type]
    if lineage:
        folder = snapshots_folder(shop.settings.warehouse) / run_id
        (folder / LINEAGE_NAME).write_text(json.dumps(NODES))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> PublishedShop:
    shop = PublishedShop(tmp_path_factory.mktemp("data"))
    publish(shop)
    return shop


@pytest.fixture(scope="module")
def app(shop: PublishedShop) -> Iterator[FastAPI]:
    app = app_of(shop)
    with TestClient(app):
        yield app


@pytest.mark.parametrize("language", ["en", "zh"])
def test_deliveries_gates_and_sums_are_shown(app: FastAPI, language: str) -> None:
    page = sign_in(TestClient(app), app).get("/data", params={"lang": language})
    assert page.status_code == 200
    words = {
        "en": ("1 of 1 broken", "does not", "refused", "No number"),
        "zh": ("1 条中 1 条未过", "对不上", "已拒绝", "不是数字"),
    }
    shown = ("Far fewer rows than usual", "The header is not the declared one.", "10 rows", "11 rows")
    for word in (*words[language], *shown):
        assert word in page.text
    for name in ("deliveries", "quarantine"):
        assert f'data-plot="{name}"' in page.text


def test_gates_are_told_day_by_day_in_the_order_in_which_a_day_passes_them(app: FastAPI) -> None:
    with app.state.snapshots.reading() as snapshot:
        data = data_of(snapshot)
    assert list(data.gates) == [DAY, BEFORE]
    assert data.gate_names == ["raw", "risk"]
    assert data.gates[BEFORE]["raw"]["broken"] == 1
    assert data.rows_lately == (1980, 14)
    assert [row["rule"] for row in data.bad_sums] == ["rows_are_accounted_for"]


def test_the_lineage_leads_from_the_delivery_to_the_tier_as_a_list_and_as_a_drawing(app: FastAPI) -> None:
    page = sign_in(TestClient(app), app).get("/data").text
    listed = page.split('class="tree"', 1)[1].split("</section>")[0]
    way = ("risk.user_risk_tiers_history", "features.user_features", "staging.stg_shop__orders", "raw.orders")
    places = [listed.index(f"<code>{name}</code>") for name in way]
    assert places == sorted(places)
    assert "Same columns by name: user_id." in listed
    # what is made from the features in two ways is told once
    assert listed.count("<code>raw.orders</code>") == 1
    drawn = page.split('<svg class="drawing"', 1)[1].split("</svg>")[0]
    assert drawn.count("<rect") == len(NODES)
    assert drawn.count("<path") == 6
    assert "style=" not in drawn


def test_another_table_can_be_chosen_and_one_that_is_not_there_shows_the_first(app: FastAPI) -> None:
    client = sign_in(TestClient(app), app)
    for table, shown in (
        ("user_risk_tiers_history", "user_risk_tiers_history"),
        ("'; drop", "user_risk_tiers"),
    ):
        page = client.get("/data", params={"table": table}).text
        assert f"<option selected>{shown}</option>" in page.replace("<option  selected", "<option selected")


@pytest.mark.parametrize(
    ("without", "lineage", "said"),
    [
        ((), False, "This run tells nothing of its lineage"),
        (("data_quality_report",), True, "No gate result"),
        (("data_quality_report",), True, "Nothing was delivered yet"),
    ],
)
def test_what_is_not_there_is_said(
    tmp_path: Path, without: tuple[str, ...], lineage: bool, said: str
) -> None:
    shop = PublishedShop(tmp_path)
    if without:
        shop.publish(without=without)
    else:
        publish(shop, lineage=lineage)
    app = app_of(shop)
    with TestClient(app) as client:
        page = sign_in(client, app).get("/data")
    assert page.status_code == 200
    assert said in page.text


def test_runs_and_failures_are_read_off_the_ledger(app: FastAPI) -> None:
    ledger = app.state.ledger
    failed = ledger.begin_run("ingest", "sample_shop", DAY)
    ledger.fail_run(failed, "The disk is full")
    page = sign_in(TestClient(app), app).get("/data").text
    assert failed.run_id in page
    assert "1 run failed and was not made good since" in page
    assert "The disk is full" in page


def test_dbts_pages_are_sent_in_a_sandbox_where_they_were_made(app: FastAPI, shop: PublishedShop) -> None:
    client = sign_in(TestClient(app), app)
    missing = client.get("/data/dbt-docs")
    assert missing.status_code == 404
    assert "make docs" in missing.text
    folder = shop.settings.warehouse.dbt_home / "docs"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>dbt Docs</title>")
    sent = client.get("/data/dbt-docs")
    assert (sent.status_code, "dbt Docs" in sent.text) == (200, True)
    policy = sent.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in policy
    assert "connect-src" not in policy
    assert "/data/dbt-docs" in client.get("/data").text


def test_what_was_worked_out_for_a_run_is_kept(app: FastAPI) -> None:
    with app.state.snapshots.reading() as snapshot:
        first = remembered(snapshot, "data", lambda: data_of(snapshot))
        assert remembered(snapshot, "data", lambda: data_of(snapshot)) is first
