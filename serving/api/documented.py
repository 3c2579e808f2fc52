"""What OpenAPI says of answers that several routes share: problems, formats of lists, headers."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from serving.lists.formats import FORMATS
from serving.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]

MEANINGS = {
    304: "The caller has this answer already (If-None-Match).",
    400: "A parameter is not known, or its value cannot be used.",
    401: "No good key was sent.",
    403: "The key may not do this.",
    404: "There is no such thing, or the key may not see it.",
    406: "The route has no answer in the format that is asked for.",
    409: "It does not fit what is served now, or what was sent before: `code` says which.",
    413: "The request is too large.",
    415: "The body is not of the kind that the route takes.",
    429: "The key asks too often, or pulls too much at once.",
    503: "There is nothing sound and fresh enough to answer from.",
}
HEADERS = {
    "Holdfast-Run-Id": "the run that the answer comes from",
    "Holdfast-As-Of-Date": "the day whose end the answer is about",
    "Holdfast-Model-Version": "the model that scored it",
    "Holdfast-Published-At": "when it was published, in UTC",
    "Holdfast-Age-Hours": "hours since then",
    "Holdfast-Stale": "true if that is more than it should be",
}


class ProblemDocument(BaseModel):
    """An RFC 9457 problem document."""

    type: str
    title: str
    status: int
    code: str = Field(description="stable name of the kind of problem")
    detail: str | None = None
    todo: str | None = Field(None, description="what the caller can do")


def problems(*statuses: int) -> Responses:
    """Describe the problems that a route answers with."""
    return {
        status: {"description": MEANINGS[status]}
        if status == 304
        else {
            "description": MEANINGS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status in statuses
    }


def list_answer(
    key: str, columns: Sequence[str], example: Mapping[str, object], said: Mapping[str, Any] | None = None
) -> Responses:
    """Describe a list: a page of JSON, or the whole of it in another format."""
    row = {"type": "object", "properties": {column: {} for column in columns}}
    stamp = {
        "run_id": {"type": "string"},
        "as_of_date": {"type": "string", "format": "date"},
        "model_version": {"type": ["string", "null"]},
        "published_at": {"type": "string", "format": "date-time"},
        "age_hours": {"type": "number"},
        "stale": {"type": "boolean"},
    }
    page = {
        **stamp,
        **(said or {}),
        "count": {"type": "integer"},
        "next_cursor": {"type": ["string", "null"], "description": "send it back for the next page"},
        key: {"type": "array", "items": row},
    }
    first = {
        "run_id": "20260630-000004",
        "as_of_date": "2026-06-30",
        "model_version": "churn-20260628-h90-d17ea704",
        "published_at": "2026-07-01T02:10:00+00:00",
        "age_hours": 6.5,
        "stale": False,
    }
    shown = {**first, "count": 1, "next_cursor": None, key: [dict(example)]}
    content: dict[str, Any] = {
        "application/json": {
            "schema": {"type": "object", "required": [*stamp, "count", key], "properties": page},
            "example": shown,
        }
    }
    for format_ in FORMATS[1:]:
        kind = {"type": "string", **({"format": "binary"} if format_.name == "parquet" else {})}
        content[format_.media_types[0]] = {"schema": kind}
    return {
        200: {
            "description": "A page (JSON), or the whole list (JSON Lines, CSV, Parquet).",
            "content": content,
            "headers": {
                name: {"description": meaning, "schema": {"type": "string"}}
                for name, meaning in {**HEADERS, "ETag": "validator for If-None-Match"}.items()
            },
        }
    }
