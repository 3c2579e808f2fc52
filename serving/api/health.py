"""Is the server up, and how old is what it serves? Needs no key and tells nothing of anybody."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from serving.api.documented import problems
from serving.freshness import freshness_of, refuse_older
from warehouse.ledger import utc_now

router = APIRouter(tags=["server"])


class Health(BaseModel):
    """What is served."""

    model_config = ConfigDict(
        protected_namespaces=(),
        json_schema_extra={
            "example": {
                "status": "ok",
                "run_id": "20260630-000004",
                "as_of_date": "2026-06-30",
                "model_version": "churn-20260628-h90-d17ea704",
                "published_at": "2026-07-01T02:10:00+00:00",
                "age_hours": 6.5,
                "stale": False,
            }
        },
    )

    status: Literal["ok", "stale"]
    run_id: str
    as_of_date: date
    model_version: str | None
    published_at: datetime
    age_hours: float = Field(description="hours since it was published")
    stale: bool = Field(description="whether that is more than it should be")


@router.get(
    "/v1/health",
    summary="What is served, and how old it is",
    response_model=Health,
    responses=problems(400, 409, 503),
)
def health(
    request: Request,
    max_age_hours: Annotated[
        float | None, Query(gt=0, le=24 * 366, description="409 if it is older", examples=[36])
    ] = None,
) -> dict[str, Any]:
    """Open the served snapshot and say which it is; 503 if there is none. Needs no key."""
    state = request.app.state
    with state.snapshots.reading() as snapshot:
        freshness = freshness_of(snapshot, state.settings, utc_now())
        refuse_older(freshness, max_age_hours)
    return {"status": "stale" if freshness.is_stale else "ok", **freshness.body}
