"""The page of the at-risk list: searched, filtered, sorted, paged, and exported as it is shown."""

from contextlib import ExitStack
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response

from serving import audit
from serving.api.at_risk import SORTS
from serving.lists.formats import FORMATS, WRITERS
from serving.lists.streams import Stream
from serving.pages import at_risk_rows as rows
from serving.pages.frame import Frame, page

router = APIRouter(include_in_schema=False)
Export = Literal["csv", "ndjson", "parquet"]
SUFFIXES: dict[Export, str] = {"csv": "csv", "ndjson": "jsonl", "parquet": "parquet"}
MEDIA_TYPES = {one.name: one.content_type for one in FORMATS}


@router.get("/at-risk")
def at_risk(frame: Annotated[Frame, Depends(page("at_risk"))]) -> Response:
    """Show a page of the list."""
    asked = rows.read_address(frame.request.query_params)
    listing = rows.listing_of(frame.snapshot, frame.person, asked)
    users = rows.count_of(frame.snapshot, listing)
    pages = max(1, -(-users // asked.size))
    number = min(asked.number, pages)
    return frame.render(
        "at_risk.html",
        asked=asked,
        users=users,
        pages=pages,
        number=number,
        rows=rows.page_of(frame.snapshot, listing, number, asked.size),
        reasons=rows.reasons_of(frame.snapshot),
        countries=rows.countries_of(frame.snapshot),
        sorts=SORTS,
        sizes=rows.SIZES,
        suffixes=SUFFIXES,
    )


@router.get("/at-risk/export")
def export(frame: Annotated[Frame, Depends(page("at_risk"))], format: Export = "csv") -> Response:
    """Send the whole list as filtered and sorted: the API's rows, users as the person may see them."""
    asked = rows.read_address(frame.request.query_params)
    listing = rows.listing_of(frame.snapshot, frame.person, asked)
    state = frame.request.app.state
    audit.record(
        state.ledger,
        actor=f"person:{frame.person.name}",
        action="list.exported",
        subject="at_risk_users",
        details={
            "run_id": frame.snapshot.run_id,
            "format": format,
            "users": rows.count_of(frame.snapshot, listing),
            "is_masked": str(not frame.person.sees_user_ids).lower(),
        },
    )
    name = f"at_risk_users-{frame.snapshot.as_of_date}-{frame.snapshot.run_id}.{SUFFIXES[format]}"
    with ExitStack() as stack:
        # as many at once as a tool may pull
        stack.enter_context(state.streams.stream(f"person:{frame.person.name}"))
        cursor = stack.enter_context(frame.snapshot.cursor())
        parts = WRITERS[format](cursor, listing.columns, listing.rows(), dict(listing.values))
        close = stack.pop_all().close
    return Stream(
        parts,
        {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
        MEDIA_TYPES[format],
        workers=state.workers,
        close=close,
        slow_client_seconds=state.settings.slow_client_seconds,
    )
