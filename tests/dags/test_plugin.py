"""The dashboard inside Airflow's own pages."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dags.wiring.plugin import MOUNTED_AT, Dashboard, HoldfastPlugin
from tests.serving.published_shop import PublishedShop


@pytest.fixture
def mounted(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """Airflow's API server as far as plugins are concerned: each app below its prefix."""
    from airflow import plugins_manager

    shop = PublishedShop(tmp_path)
    shop.publish()
    for name, value in (("HOLDFAST_HOME", str(tmp_path)), ("HOLDFAST_SOURCE", "sample_shop")):
        monkeypatch.setenv(name, value)
    apps, _ = plugins_manager.get_fastapi_plugins()
    ours = [one for one in apps if one["url_prefix"] == MOUNTED_AT]
    assert len(ours) == 1, f"Airflow knows {[one['url_prefix'] for one in apps]}"
    assert isinstance(ours[0]["app"], Dashboard)
    # another test may have used Airflow's own object with another home
    app = FastAPI()
    app.mount(MOUNTED_AT, Dashboard())
    return app


def test_airflow_mounts_the_dashboard_and_people_sign_in_there_too(mounted: FastAPI) -> None:
    client = TestClient(mounted, follow_redirects=False)
    asked = client.get(f"{MOUNTED_AT}/today")
    assert asked.status_code == 303
    assert asked.headers["location"].startswith(f"{MOUNTED_AT}/sign-in")
    door = client.get(f"{MOUNTED_AT}/sign-in")
    assert door.status_code == 200
    assert f'href="{MOUNTED_AT}/static/page.' in door.text
    assert "frame-ancestors 'self'" in door.headers["content-security-policy"]
    assert client.get(f"{MOUNTED_AT}/v1/at-risk").status_code == 401


def test_the_menu_shows_the_dashboard_and_dbts_pages() -> None:
    from airflow import plugins_manager

    views, _ = plugins_manager._get_ui_plugins()
    ours = {view["url_route"]: view["href"] for view in views if view.get("category") == "Holdfast"}
    assert ours == {
        "holdfast": f"{MOUNTED_AT}/today",
        "holdfast_dbt_docs": f"{MOUNTED_AT}/data/dbt-docs",
    }


def test_loading_the_plugin_opens_nothing() -> None:
    """Scheduler and workers load it as well."""
    app = HoldfastPlugin.fastapi_apps[0]["app"]
    assert isinstance(app, Dashboard)
    assert Dashboard()._app is None
