"""What every page tells the browser that it may and may not do."""

import re

import pytest
from fastapi.testclient import TestClient

from serving.pages.headers import content_security_policy
from serving.pages.page_settings import PageSettings

PATHS = ["/today", "/at-risk", "/users", "/users?id=u0002", "/sign-in", "/nowhere"]


@pytest.mark.parametrize("path", PATHS)
def test_every_page_forbids_what_is_not_its_own(marketer: TestClient, path: str) -> None:
    answer = marketer.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'self' http://127.0.0.1:8080 http://localhost:8080" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "no-store" in answer.headers["cache-control"]


@pytest.mark.parametrize("path", PATHS)
def test_no_page_holds_what_its_policy_forbids(marketer: TestClient, path: str) -> None:
    page = marketer.get(path, follow_redirects=True).text
    assert "<html" in page
    assert not re.search(r"\son\w+\s*=\s*[\"']", re.sub(r"&[#\w]+;", "", page)), "an inline handler"
    assert not re.search(r"\sstyle\s*=", page), "an inline style"
    for attributes in re.findall(r"<script([^>]*)>", page):
        assert "src=" in attributes or 'type="application/json"' in attributes
    # nothing from elsewhere: no address with a host at all
    assert not re.search(r"(?:src|href|action)=[\"'](?:https?:)?//", page)


def test_another_host_may_frame_the_pages_if_the_setting_says_so() -> None:
    assert content_security_policy(PageSettings(framed_by=())).endswith("frame-ancestors 'self'")
    policy = content_security_policy(PageSettings(framed_by=("https://airflow.example.org",)))
    assert policy.endswith("frame-ancestors 'self' https://airflow.example.org")


def test_the_apis_answers_keep_headers_of_their_own(nobody: TestClient) -> None:
    answer = nobody.get("/v1/health")
    assert "content-security-policy" not in answer.headers
    assert answer.headers["content-type"].startswith("application/json")
