"""The page of the model: who is champion and why, how good it is out of time, and whether it still fits."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from serving.pages.frame import Frame, page
from serving.pages.intervals import interval
from serving.pages.model_card import card_of, picture_of
from serving.pages.model_figures import METRICS, Model, model_of, shown_slices
from serving.pages.model_plots import model_plots
from serving.pages.remembered import remembered
from serving.problems import Problem

router = APIRouter(include_in_schema=False)
FOR_A_DAY = "private, max-age=86400"


@router.get("/model")
def model(
    frame: Annotated[Frame, Depends(page("model"))],
    definition: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Show the models of a definition of churn, of the one in force if none is named."""
    found: Model = remembered(
        frame.snapshot, "model", lambda: model_of(frame.snapshot, definition or None), definition
    )
    if definition and found.definition_id != definition:
        raise Problem(
            status=404,
            code="no-such-definition",
            title="There is no model of this definition",
            detail=f"Nothing that was published was trained for {definition!r}.",
            todo="Choose one of the definitions on the page of the model.",
        )
    return frame.render(
        "model.html",
        plots=model_plots(frame.words, found),
        model=found,
        slices=shown_slices(found, is_masked=not frame.person.sees_user_ids),
        metrics=METRICS,
        interval=lambda estimate, digits=3: interval(frame.words, vars(estimate), digits),
        has_card=card_of(frame.request.app.state.settings.warehouse.reports) is not None,
    )


@router.get("/model/card")
def card(frame: Annotated[Frame, Depends(page("model"))]) -> Response:
    """Show the model card of the last training, which is written in English."""
    found = card_of(
        frame.request.app.state.settings.warehouse.reports, lambda name: frame.url(f"/model/card/{name}")
    )
    return frame.render("model_card.html", card=found)


@router.get("/model/card/{name}")
def picture(frame: Annotated[Frame, Depends(page("model", with_snapshot=False))], name: str) -> Response:
    """Send one of the card's pictures."""
    found = picture_of(frame.request.app.state.settings.warehouse.reports, name)
    if found is None:
        raise Problem(
            status=404,
            code="no-such-picture",
            title="The model card has no such picture",
            detail=f"There is no picture {name!r}.",
            todo="Open the model card; if its pictures are missing there, run `make model-card`.",
        )
    return Response(found, media_type="image/png", headers={"Cache-Control": FOR_A_DAY})
