"""Files that browsers keep for ever, because their names change with them."""

import re

import pytest
from fastapi.testclient import TestClient

from serving.pages.assets import asset, asset_paths, plotly_file, styles_of_plotly


def test_plotly_comes_from_its_wheel() -> None:
    assert plotly_file().parent.name == "package_data"
    assert plotly_file().read_bytes() == asset("plotly.min.js").content


def test_every_asset_is_sent_under_the_hash_of_its_content(nobody: TestClient) -> None:
    names = [path.name for path in asset_paths()]
    assert {"page.css", "page.js", "plots.css", "plotly.min.js", "favicon.svg"} <= set(names)
    for name in names:
        answer = nobody.get(f"/static/{asset(name).name}")
        assert answer.status_code == 200
        assert answer.content == asset(name).content
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert nobody.get(f"/static/{asset('page.js').name}").headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    "name", ["page.css", "page.0123456789abcdef.css", "..%2f..%2fapp.py", "x", "a.b.c.d"]
)
def test_any_other_name_is_not_there(nobody: TestClient, name: str) -> None:
    assert nobody.get(f"/static/{name}").status_code == 404


def test_pages_with_plots_stop_plotly_from_writing_styles(marketer: TestClient) -> None:
    page = marketer.get("/today").text
    assert 'id="plotly.js-style-global" class="no-inline-styles"' in page
    assert styles_of_plotly()
    for id_ in styles_of_plotly():
        assert f'<template id="{id_}">' in page
    assert "plotly" not in marketer.get("/at-risk").text


def test_the_style_sheet_names_nothing_from_elsewhere() -> None:
    for name in ("page.css", "plots.css"):
        assert not re.search(rb"@import|https?:|url\(", asset(name).content)
