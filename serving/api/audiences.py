"""Audiences for marketing tools: whole, or what changed since a run; without who must be left alone now."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from serving.access import Caller, caller_with
from serving.api.documented import list_answer, problems
from serving.api.typed import CursorText, RunId
from serving.audiences import (
    Audience,
    changed,
    counts_of,
    is_offered,
    members_before,
    members_of,
    said_of,
    whole,
)
from serving.contact_rights import ContactRights
from serving.freshness import freshness_of
from serving.lists.answers import LARGEST_PAGE, Found, Question, answer_list
from serving.lists.columns import CAMPAIGN_AUDIENCE, TIER_AUDIENCE
from serving.lists.cursors import run_gone
from serving.lists.listing import published_columns
from serving.problems import Problem, not_found
from serving.snapshots import Snapshot, Snapshots
from warehouse.ledger import utc_now

router = APIRouter(tags=["audiences"])

Name = Annotated[str, Path(min_length=1, max_length=64, description="a campaign's id, or high_risk, …")]
OF_EITHER = (CAMPAIGN_AUDIENCE, TIER_AUDIENCE)
COLUMNS = tuple(
    dict.fromkeys(name for one in OF_EITHER for name in (*one.risk, *one.profile, "may_contact_by"))
)
EXAMPLE = {
    "as_of_date": "2026-06-30",
    "user_id": "u0003216",
    "campaign_id": "win_back_coupon",
    "action": "coupon",
    "offer_id": "coupon_20",
    "risk_tier": "high",
    "value_tier": "medium",
    "reason_1_sentence_en": "No visit in the last 90 days (raises the risk)",
    "run_id": "20260630-000004",
}
SAID = {
    "audience_size": {"type": "integer", "description": "everybody who is given out now"},
    "withheld": {
        "type": "object",
        "description": "how many are left alone, by reason",
        "additionalProperties": {"type": "integer"},
    },
    "since": {"type": "string", "description": "the run of a delta"},
}


class AudienceFacts(BaseModel):
    """One audience and its size."""

    name: str
    kind: str = Field(description="campaign or tier")
    meaning: str
    users: int = Field(description="who would be given out now")
    withheld: dict[str, int] = Field(description="how many are left alone, by reason")


class Audiences(BaseModel):
    """The audiences that a key may see."""

    model_config = ConfigDict(protected_namespaces=())

    run_id: str
    as_of_date: str
    model_version: str | None
    published_at: str
    age_hours: float
    stale: bool
    audiences: list[AudienceFacts]


class AudienceQuery(BaseModel):
    """What may be asked of an audience; anything else is refused."""

    model_config = ConfigDict(extra="forbid")

    since: RunId | None = Field(None, description="only who entered and who left since this run")
    purpose: Literal["email", "sms", "push", "call"] | None = Field(
        None, description="of a tier: only who agreed to this way of contact"
    )
    limit: int | None = Field(None, ge=1, le=LARGEST_PAGE, description="rows: 100 in a page unless said")
    cursor: CursorText | None = Field(None, description="next_cursor of a page")
    max_age_hours: float | None = Field(None, gt=0, le=24 * 366, description="refuse an older snapshot")


@router.get(
    "/v1/audiences",
    summary="The audiences that a key may see",
    responses={
        200: {
            "content": {
                "application/json": {
                    "example": {
                        "run_id": "20260630-000004",
                        "as_of_date": "2026-06-30",
                        "model_version": "churn-20260628-h90-d17ea704",
                        "published_at": "2026-07-01T02:10:00+00:00",
                        "age_hours": 6.5,
                        "stale": False,
                        "audiences": [
                            {
                                "name": "win_back_coupon",
                                "kind": "campaign",
                                "meaning": "money off the next order for users about to leave",
                                "users": 424,
                                "withheld": {"held_out": 174, "unsubscribed": 3},
                            }
                        ],
                    }
                }
            }
        },
        **problems(400, 401, 429, 503),
    },
)
async def audiences(request: Request, caller: Annotated[Caller, Depends(caller_with())]) -> Audiences:
    """Return names, sizes, and how many of each are left alone for which reason."""
    answer: Audiences = await request.app.state.workers.for_list(_told, request.app.state, caller)
    return answer


@router.get(
    "/v1/audiences/{name}",
    summary="One audience",
    response_class=Response,
    responses={
        **list_answer("users", ("change", *COLUMNS), EXAMPLE, SAID),
        **problems(304, 400, 401, 404, 406, 409, 429, 503),
    },
)
async def audience(
    request: Request,
    caller: Annotated[Caller, Depends(caller_with())],
    name: Name,
    query: Annotated[AudienceQuery, Query()],
) -> Response:
    """Return whom to reach.

    Holdouts, the global control, and everybody who may not be contacted as things are now are left out:
    consent withdrawn, unsubscribed, erased. How many, by reason, is said in `withheld`.

    With `since` only what changed since that run, in `change`: `entered` or `exited`. Some who entered may be
    named again; take it as a word on who is in.
    """
    caller.check_audience(name)
    state = request.app.state
    found = state.audiences.get(name)
    if found is None:
        raise not_found("No audience of this name.")
    if query.purpose is not None and found.kind != "tier":
        raise Problem(
            409,
            "purpose_of_campaign",
            "A campaign has chosen the way of contact already.",
            f"{found.name} is a campaign.",
            "leave purpose out; with the field set profile each row names its channel",
        )
    question = Question(
        {"since": query.since, "purpose": query.purpose}, query.limit, query.cursor, query.max_age_hours
    )
    return await answer_list(
        request, caller, question, lambda snapshot: _find(state, snapshot, found, caller, query)
    )


def _find(state: Any, snapshot: Snapshot, audience: Audience, caller: Caller, query: AudienceQuery) -> Found:
    since = query.since
    rights: ContactRights = state.contact_rights
    published = published_columns(snapshot.manifest.tables, audience.table)
    withheld = rights.withheld(snapshot.as_of_date)
    members = members_of(
        audience,
        snapshot,
        rights,
        withheld,
        seen=audience.seen_by(caller.fields, published),
        purpose=query.purpose,
    )
    given, counted = counts_of(members, snapshot)
    said = said_of(given, counted, since)
    listing = whole(audience, members, published, caller.fields)
    if since is None:
        return Found(listing, "users", said=said, state=(withheld.state, str(said)), prepare=members.prepare)
    before = _before(state.snapshots, snapshot, audience, rights, since)
    listing, prepare = changed(listing, before)

    def both(cursor: Any) -> None:
        members.prepare(cursor)
        prepare(cursor)

    told = (withheld.state, str(said), before.num_rows)
    return Found(listing, "users", said=said, state=told, prepare=both)


def _before(
    snapshots: Snapshots, snapshot: Snapshot, audience: Audience, rights: ContactRights, since: str
) -> Any:
    try:
        with snapshots.reading(since) as earlier:
            if earlier.manifest.source != snapshot.manifest.source:
                raise run_gone(since)
            uncertain = rights.blocked_between(earlier.published_at)
            return members_before(audience, earlier, uncertain)
    except Problem as problem:
        raise (run_gone(since) if problem.status == 404 else problem) from None


def _told(state: Any, caller: Caller) -> Audiences:
    rights: ContactRights = state.contact_rights
    with state.snapshots.reading() as snapshot:
        freshness = freshness_of(snapshot, state.settings, utc_now())
        withheld = rights.withheld(snapshot.as_of_date)
        facts = []
        for one in state.audiences.values():
            if not caller.may(f"audience:{one.name}") or not is_offered(one, snapshot):
                continue
            published = published_columns(snapshot.manifest.tables, one.table)
            seen = one.seen_by(caller.fields, published)
            given, counted = counts_of(members_of(one, snapshot, rights, withheld, seen=seen), snapshot)
            facts.append(
                AudienceFacts(
                    name=one.name, kind=one.kind, meaning=one.meaning, users=given, withheld=counted
                )
            )
    return Audiences.model_validate({**freshness.body, "audiences": facts})
