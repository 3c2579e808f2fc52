"""Figures for Prometheus."""

import ipaddress
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials
from prometheus_client import CONTENT_TYPE_LATEST

from serving.access import bearer, caller_with
from serving.api.documented import problems
from serving.freshness import freshness_of
from warehouse.errors import DamagedFile
from warehouse.ledger import utc_now

router = APIRouter(tags=["server"])
with_scope = caller_with("metrics:read", recorded=False)


async def scraper(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> None:
    """Let in a key with the scope, and this machine's own processes where the settings say so."""
    if request.app.state.settings.open_metrics and credentials is None and _is_loopback(request):
        return
    await with_scope(request, credentials)


EXAMPLE = "holdfast_snapshot_served 1.0\nholdfast_snapshot_age_seconds 23400.0\n"


@router.get(
    "/v1/metrics",
    summary="Figures for Prometheus",
    dependencies=[Depends(scraper)],
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text format.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": EXAMPLE}},
        },
        **problems(401, 403, 429),
    },
)
def metrics(request: Request) -> Response:
    """Return requests, times and the age of what is served, in Prometheus' text format."""
    state = request.app.state
    try:
        with state.snapshots.reading() as snapshot:
            freshness = freshness_of(snapshot, state.settings, utc_now())
    except DamagedFile:
        freshness = None
    text = state.metrics.text(freshness, state.streams.open_now)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _is_loopback(request: Request) -> bool:
    if "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False  # a proxy on this machine asks for somebody else
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
