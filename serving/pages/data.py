"""The page of the data: what came, what was set aside, what gates found, and from what everything is made."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import FileResponse

from serving.pages.data_figures import Data, data_of, history_of
from serving.pages.data_plots import data_plots
from serving.pages.frame import Frame, page
from serving.pages.lineage_view import BOX_HEIGHT, BOX_WIDTH, drawing, tree, way_to
from serving.pages.remembered import remembered
from serving.problems import Problem
from warehouse.publish.lineage import read_lineage

router = APIRouter(include_in_schema=False)
FIRST_TABLE = "user_risk_tiers"
#: dbt's pages bring their scripts and styles inside the one file. They are shown in a sandbox: they can
#: neither read our cookies nor send anything anywhere.
DOCS_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'"
)


@router.get("/data")
def data(
    frame: Annotated[Frame, Depends(page("data"))],
    table: Annotated[str, Query(max_length=100)] = FIRST_TABLE,
) -> Response:
    """Show deliveries, gates, runs and the lineage of a published table."""
    snapshot = frame.snapshot
    found: Data = remembered(snapshot, "data", lambda: data_of(snapshot))
    state = frame.request.app.state
    way = way_to(remembered(snapshot, "lineage", lambda: read_lineage(snapshot.folder)), table)
    return frame.render(
        "data.html",
        plots=data_plots(frame.words, found),
        data=found,
        history=history_of(state.ledger, state.settings.warehouse.source),
        way=way,
        tree=tree(way),
        drawing=drawing(way),
        box=(BOX_WIDTH, BOX_HEIGHT),
        has_docs=state.settings.warehouse.dbt_docs.is_file(),
    )


@router.get("/data/dbt-docs")
def dbt_docs(frame: Annotated[Frame, Depends(page("data", with_snapshot=False))]) -> Response:
    """Send dbt's own pages, where they were made."""
    path = frame.request.app.state.settings.warehouse.dbt_docs
    if not path.is_file():
        raise Problem(
            status=404,
            code="no-dbt-docs",
            title="dbt's pages have not been made",
            detail=f"There is no {path.name} under {path.parent.name}.",
            todo="Run `make docs`; it reads the build file, so not while a day runs.",
        )
    return FileResponse(path, media_type="text/html", headers={"Content-Security-Policy": DOCS_POLICY})
