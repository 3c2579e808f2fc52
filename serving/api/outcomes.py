"""What tools report back: opens, clicks, redeemed coupons."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from serving.access import Caller, caller_with
from serving.api.documented import ProblemDocument, problems
from serving.api.typed import iso_moment
from serving.outcome_facts import Outcome
from serving.outcomes import told
from serving.problems import MEDIA_TYPE, Problem

router = APIRouter(tags=["outcomes"])

MOST = 1_000
Id = Annotated[str, StringConstraints(min_length=1, max_length=150)]
Moment = Annotated[AwareDatetime, BeforeValidator(iso_moment)]


class _Item(BaseModel):
    model_config = ConfigDict(extra="forbid")

    outcome_id: Id = Field(description="the tool's own id for it: known by it when it is sent again")
    occurred_at: Moment = Field(description="with its zone")


class Touched(_Item):
    """A message was opened or clicked."""

    kind: Literal["opened", "clicked"]
    message_id: Id = Field(description="as it was given out; or the tool's own, with the four below")
    user_id: Id | None = Field(None, description="of a message that the tool sent by itself")
    campaign_id: Id | None = Field(None, description="of a message that the tool sent by itself")
    channel: Id | None = Field(None, description="of a message that the tool sent by itself")
    sent_at: Moment | None = Field(None, description="of a message that the tool sent by itself")


class Converted(_Item):
    """A coupon was redeemed. Orders without a coupon come with the shop's own deliveries."""

    kind: Literal["converted"]
    coupon_code: Id = Field(description="as it was given out")
    order_id: Id | None = Field(None, description="the order that it was redeemed with")


class OutcomeReport(BaseModel):
    """A report of up to 1,000 outcomes."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "outcomes": [
                        {
                            "outcome_id": "open-1",
                            "kind": "opened",
                            "message_id": "4f0cf1a5-6c1e-5d53-9f3b-0f2b6f2a9a11",
                            "occurred_at": "2026-07-01T09:30:00+02:00",
                        },
                        {
                            "outcome_id": "sale-1",
                            "kind": "converted",
                            "coupon_code": "HF-7K2M-Q9XT",
                            "order_id": "o-1",
                            "occurred_at": "2026-07-02T11:00:00Z",
                        },
                    ]
                }
            ]
        },
    )

    outcomes: list[Annotated[Touched | Converted, Field(discriminator="kind")]] = Field(
        min_length=1, max_length=MOST
    )


class RefusedItem(BaseModel):
    """An outcome that was not taken."""

    index: int
    outcome_id: str
    code: str
    detail: str


class OutcomeAnswer(BaseModel):
    """What became of a report."""

    taken: int = Field(description="new, and on their way into the next build")
    repeated: int = Field(description="taken before; nothing was done")
    refused: list[RefusedItem] = Field(description="could not be taken; send the others no second time")


class NothingTaken(ProblemDocument):
    """The problem document of a report of which nothing could be taken."""

    refused: list[RefusedItem]


@router.post(
    "/v1/outcomes",
    summary="Report opens, clicks and redeemed coupons",
    response_model=OutcomeAnswer,
    responses={
        200: {
            "description": "What could be taken is taken, once.",
            "content": {"application/json": {"example": {"taken": 2, "repeated": 0, "refused": []}}},
        },
        **problems(400, 401, 403, 409, 413, 429, 503),
        404: {
            "description": "Nothing of the report could be taken.",
            "content": {MEDIA_TYPE: {"schema": NothingTaken.model_json_schema()}},
        },
    },
)
async def outcomes(
    request: Request,
    caller: Annotated[Caller, Depends(caller_with("outcomes:write"))],
    report: OutcomeReport,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=100,
            pattern=r"^[\x21-\x7e]+$",
            description="of the whole report: sent again under it, nothing is taken twice",
        ),
    ] = None,
) -> Response:
    """Take what came back; it is part of the line from the next ingest on.

    Sending a report again is safe: each outcome is known by its `outcome_id`, and the whole of it by
    `Idempotency-Key`, if that is sent. The same id with other content is a 409, and nothing is taken.
    """
    items = [Outcome(**item.model_dump()) for item in report.outcomes]
    taken = await request.app.state.workers.for_list(
        request.app.state.reporter.take, caller, items, idempotency_key
    )
    answer = told(taken)
    if taken.refused and not taken.taken and not taken.repeated:
        problem = Problem(
            404,
            "nothing_taken",
            "Nothing of the report could be taken.",
            f"{len(taken.refused)} outcomes were refused; the first: {taken.refused[0].detail}",
            "correct what `refused` names, or leave it out",
        )
        return JSONResponse({**problem.document, "refused": answer["refused"]}, 404, media_type=MEDIA_TYPE)
    return JSONResponse(answer)
