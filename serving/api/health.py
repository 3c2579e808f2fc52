"""Is the server up, and how old is what it serves? Needs no key and tells nothing of anybody."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from serving.freshness import freshness_of, refuse_older
from warehouse.ledger import utc_now

router = APIRouter(tags=["server"])


@router.get("/v1/health", summary="What is served, and how old it is")
def health(
    request: Request,
    max_age_hours: Annotated[float | None, Query(gt=0, le=24 * 366, description="refuse older")] = None,
) -> dict[str, Any]:
    """Open the served snapshot and say which it is; 503 if there is none."""
    state = request.app.state
    with state.snapshots.reading() as snapshot:
        freshness = freshness_of(snapshot, state.settings, utc_now())
        refuse_older(freshness, max_age_hours)
    return {"status": "stale" if freshness.is_stale else "ok", **freshness.body}
