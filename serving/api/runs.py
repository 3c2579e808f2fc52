"""The publishes: which run, which day, how many rows, and which of them readers are served."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from serving.access import Caller, caller_with
from serving.api.documented import problems
from warehouse.errors import DamagedFile
from warehouse.ledger import Publish
from warehouse.publish import read_manifest
from warehouse.publish.pointer import served_run_id, snapshots_folder
from warehouse.settings import Settings

router = APIRouter(tags=["server"])


class PublishedRun(BaseModel):
    """One publish."""

    model_config = ConfigDict(protected_namespaces=())

    run_id: str
    as_of_date: date
    epoch: int = Field(description="grows with every run; of one day the higher is the newer")
    model_version: str | None
    state: Literal["served", "was_served", "rolled_back", "kept", "prepared"]
    published_at: datetime | None
    is_kept: bool = Field(description="whether its snapshot is still there")
    row_counts: dict[str, int] | None = Field(description="rows by table, of a snapshot that is kept")


class Runs(BaseModel):
    """Publishes, newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "served_run_id": "20260630-000004",
                "runs": [
                    {
                        "run_id": "20260630-000004",
                        "as_of_date": "2026-06-30",
                        "epoch": 4,
                        "model_version": "churn-20260628-h90-d17ea704",
                        "state": "served",
                        "published_at": "2026-07-01T02:10:00Z",
                        "is_kept": True,
                        "row_counts": {"at_risk_users": 2019, "user_risk_tiers": 2635},
                    }
                ],
            }
        }
    )

    served_run_id: str | None
    runs: list[PublishedRun]


@router.get(
    "/v1/runs",
    summary="What was published when",
    response_model=Runs,
    responses=problems(400, 401, 403, 429, 503),
)
def runs(
    request: Request,
    _: Annotated[Caller, Depends(caller_with("runs:read"))],
    limit: Annotated[int, Query(ge=1, le=500, description="how many, newest first")] = 50,
) -> dict[str, Any]:
    """Return the newest publishes of the shop, and which of them is served."""
    settings: Settings = request.app.state.settings.warehouse
    served = served_run_id(settings)
    of_the_shop = [one for one in request.app.state.ledger.publishes() if one.source == settings.source]
    newest = of_the_shop[::-1][:limit]
    return {"served_run_id": served, "runs": [_told(settings, publish, served) for publish in newest]}


def _told(settings: Settings, publish: Publish, served: str | None) -> dict[str, Any]:
    try:
        rows: dict[str, int] | None = read_manifest(snapshots_folder(settings) / publish.run_id).row_counts
    except DamagedFile:
        rows = None
    return {
        "run_id": publish.run_id,
        "as_of_date": publish.as_of_date,
        "epoch": publish.epoch,
        "model_version": publish.model_version,
        "state": _state(publish, served),
        "published_at": publish.published_at,
        "is_kept": rows is not None,
        "row_counts": rows,
    }


def _state(publish: Publish, served: str | None) -> str:
    if publish.run_id == served:
        return "served"
    if publish.rolled_back_at is not None:
        return "rolled_back"
    if publish.state == "prepared":
        return "prepared"
    return "was_served" if publish.pointer_moved else "kept"
