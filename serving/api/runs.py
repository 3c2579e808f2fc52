"""The publishes: which run, which day, how many rows, and which of them readers are served."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from serving.access import Caller, caller_with
from warehouse.errors import DamagedFile
from warehouse.ledger import Publish
from warehouse.publish import read_manifest
from warehouse.publish.pointer import served_run_id, snapshots_folder
from warehouse.settings import Settings

router = APIRouter(tags=["server"])


@router.get("/v1/runs", summary="What was published when")
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
