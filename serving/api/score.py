"""One user's recent rows in, the churn probability and its reasons out."""

import math
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from serving.access import Caller, caller_with
from serving.freshness import freshness_of
from serving.problems import Problem
from serving.scoring.rows import DAYS_AHEAD, DAYS_BACK, MOST_ROWS, ScoreRequest, read_request
from serving.scoring.scorer import Score, Scorers
from serving.settings import ServingSettings
from serving.snapshots import Snapshot
from warehouse.contract import KEYS
from warehouse.feature_program import SHARED_TABLES
from warehouse.ledger import Ledger, utc_now

router = APIRouter(tags=["score"])

RIGHTS = "user_contact_rights"
EXAMPLE = {
    "user_id": "u-4711",
    "tables": {
        "users": [{"user_id": "u-4711", "country": "CN", "signed_up_at": "2025-02-03T10:00:00+08:00"}],
        "orders": [
            {
                "order_id": "o-1",
                "ordered_at": "2026-05-02T20:15:00+08:00",
                "status": "paid",
                "gross_amount": 129.9,
                "discount_amount": 10,
                "currency": "CNY",
            }
        ],
        "order_items": [
            {"order_id": "o-1", "line_number": 1, "product_id": "p-7", "quantity": 1, "unit_price": 129.9}
        ],
    },
}
ROWS = {"type": "array", "items": {"type": "object"}, "maxItems": MOST_ROWS}
BODY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["user_id", "tables"],
    "properties": {
        "user_id": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "description": "whose rows these are",
        },
        "as_of_date": {
            "type": "string",
            "format": "date",
            "description": f"the evening that is looked from: at most {DAYS_BACK} days before the published "
            f"day and {DAYS_AHEAD} after it; the published day if left out",
        },
        "with_features": {"type": "boolean", "default": False, "description": "answer with the features too"},
        "tables": {
            "type": "object",
            "additionalProperties": False,
            "description": "rows in the columns of the source contract, by table",
            "properties": {name: ROWS for name in KEYS if name not in SHARED_TABLES},
        },
    },
}
REASON = {
    "type": "object",
    "properties": {
        "code": {"type": "string"},
        "value": {"type": ["number", "null"]},
        "contribution": {"type": "number", "description": "log-odds; above 0 it raises the risk"},
        "sentence_en": {"type": "string"},
        "sentence_zh": {"type": "string"},
    },
}
SCORE = {
    "type": "object",
    "required": ["user_id", "as_of_date", "is_eligible", "run_id", "model_version"],
    "properties": {
        "user_id": {"type": "string"},
        "as_of_date": {"type": "string", "format": "date"},
        "is_eligible": {"type": "boolean"},
        "why_not_eligible": {"type": "string", "description": "instead of a score"},
        "churn_probability": {"type": "number", "minimum": 0, "maximum": 1},
        "churn_percentile": {"type": "number", "minimum": 0, "maximum": 100},
        "churn_decile": {"type": "integer", "minimum": 1, "maximum": 10},
        "reasons": {"type": "array", "items": REASON, "maxItems": 3},
        "features": {"type": ["object", "null"], "description": "where with_features asks for them"},
        "horizon_days": {"type": "integer"},
        "run_id": {"type": "string"},
        "model_version": {"type": "string"},
        "published_as_of_date": {"type": "string", "format": "date"},
        "published_at": {"type": "string", "format": "date-time"},
        "age_hours": {"type": "number"},
        "stale": {"type": "boolean"},
    },
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The score, or why there is none.",
        "content": {"application/json": {"schema": SCORE}},
    },
    400: {"description": "The body is no JSON document with these fields."},
    403: {"description": "The user objects to profiling, or the key lacks the scope."},
    413: {"description": "There are too many rows, or bytes."},
    422: {"description": "A row breaks the source contract, or the day is out of reach."},
    503: {"description": "The served snapshot cannot score single users, or others are being scored."},
}


@router.post(
    "/v1/score",
    summary="Score one user by rows that are sent",
    responses=ANSWERS,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": BODY, "example": EXAMPLE}},
        }
    },
)
async def score(request: Request, _: Annotated[Caller, Depends(caller_with("score:write"))]) -> JSONResponse:
    """Return probability, place among the published users and reasons, by SQL and model of the daily run.

    Nothing that is sent is kept. Who objects to profiling gets no score.
    """
    return await run_in_threadpool(_answer, request, await request.body())


def _answer(request: Request, body: bytes) -> JSONResponse:
    state = request.app.state
    settings: ServingSettings = state.settings
    scorers: Scorers = state.scorers
    with state.snapshots.reading() as snapshot:
        scorer = scorers.of(snapshot)
        asked = read_request(body, scorer.program.contract, snapshot.as_of_date)
        _refuse_objection(asked, snapshot, state.ledger, settings.warehouse.source)
        found = scorer.score(asked, wait_seconds=settings.query_seconds)
        served = freshness_of(snapshot, settings, utc_now())
    return JSONResponse(
        {**_told(asked, found), "horizon_days": scorer.model.horizon_days, **_base(served.body)},
        headers=served.headers,
    )


def _refuse_objection(asked: ScoreRequest, snapshot: Snapshot, ledger: Ledger, source: str) -> None:
    """Refuse whom the request, the ledger or the published day knows to object to profiling."""
    word = asked.word_on_profiling
    objects = word is not None and not word[1]
    objects |= any(
        block.purpose == "profiling" for block in ledger.contact_blocks(source, user_id=asked.user_id)
    )
    if not objects and RIGHTS in snapshot.manifest.tables:
        rights = snapshot.rows(
            f"select objects_to_profiling from {RIGHTS} where user_id = ?", [asked.user_id]
        )
        objected = any(row["objects_to_profiling"] for row in rights)
        # a consent that came after the published day lifts what that day knew
        lifted = word is not None and word[1] and word[0].date() > snapshot.as_of_date
        objects = objected and not lifted
    if objects:
        raise Problem(
            403,
            "profiling_refused",
            "This user objects to profiling, and so gets no score.",
            "",
            "treat the user as one about whom nothing is known; do not ask again until the consent changes",
        )


def _told(asked: ScoreRequest, found: Score) -> dict[str, Any]:
    told: dict[str, Any] = {
        "user_id": asked.user_id,
        "as_of_date": asked.as_of_date.isoformat(),
        "is_eligible": not found.why_not,
        **({"why_not_eligible": found.why_not} if found.why_not else found.values),
    }
    if asked.with_features:
        told["features"] = found.features
    plain: dict[str, Any] = _plain(told)
    return plain


def _base(body: dict[str, Any]) -> dict[str, Any]:
    """Return what the snapshot says of itself; its day is another thing than the day that is looked from."""
    return {
        "published_as_of_date": body["as_of_date"],
        **{k: v for k, v in body.items() if k != "as_of_date"},
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: no number that is none, days as texts."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, date) else value
