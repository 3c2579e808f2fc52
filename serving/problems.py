"""Errors as RFC 9457 problem documents: what happened, and what to do about it."""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from warehouse.errors import Busy, DamagedFile, HoldfastError

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger(__name__)


class Problem(Exception):
    """An answer that is an error.

    Parameters
    ----------
    status : int
        The HTTP status.
    code : str
        A stable name of the kind of problem, in lower case.
    title : str
        The kind of problem in a sentence; the same for every problem of that code.
    detail : str
        What happened this time; never a secret, never another's data.
    todo : str
        What the caller can do.
    headers : mapping, optional
        Headers of the answer, for instance Retry-After.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str = "",
        todo: str = "",
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{title} {detail}".strip())
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.todo = todo
        self.headers = dict(headers or {})

    @property
    def document(self) -> dict[str, Any]:
        """The problem document."""
        told = {
            "type": f"urn:holdfast:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "todo": self.todo,
        }
        return {name: value for name, value in told.items() if value != ""}

    @property
    def response(self) -> Response:
        """The answer of the HTTP API."""
        # an error that nobody foresaw is answered outside of what adds this to the others
        headers = {**self.headers, "X-Content-Type-Options": "nosniff"}
        return JSONResponse(self.document, self.status, headers, MEDIA_TYPE)


def not_found(what: str) -> Problem:
    """Return the problem for what is not there, and for what this caller may not know is there."""
    return Problem(
        404,
        "not_found",
        "There is no such thing, or this key may not see it.",
        what,
        "check the address, and with `python -m serving key list` what the key may see",
    )


def too_large() -> Problem:
    """Return the problem for a request with too long a body."""
    return Problem(413, "too_large", "The request is too large.", "", "send it in parts")


def problem_of(error: Exception) -> Problem:
    """Return the problem that an error amounts to."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        return _of_framework(error)
    if isinstance(error, Busy):
        return Problem(
            503,
            "busy",
            "Something else holds what this needs.",
            error.what,
            "try again",
            headers={"Retry-After": "1"},
        )
    if isinstance(error, DamagedFile):
        return Problem(
            503,
            "nothing_to_serve",
            "There is no sound snapshot to answer from.",
            error.what,
            error.remedy,
            headers={"Retry-After": "30"},
        )
    if isinstance(error, HoldfastError):
        log.error("a request failed: %s", error)
    else:
        log.exception("a request failed", exc_info=error)
    return Problem(
        500,
        "internal_error",
        "The server failed at this request.",
        "",
        "try again; if it stays, tell whoever runs the server: its log says more",
    )


def _invalid(error: RequestValidationError) -> Problem:
    # what was sent is not repeated: it may be anything, and anybody's
    faults = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
    return Problem(
        400,
        "invalid_request",
        "The request is not one that this route understands.",
        "; ".join(faults[:10]),
        "correct what is named; /v1/reference describes every parameter",
    )


def _of_framework(error: HTTPException) -> Problem:
    if error.status_code == 404:
        return not_found("No route has this address.")
    if error.status_code == 413:
        return too_large()
    if error.status_code == 405:
        return Problem(
            405,
            "method_not_allowed",
            "This route does not know this method.",
            "",
            "use a method that the header Allow names",
            headers=error.headers,
        )
    return Problem(
        error.status_code, "refused", "The request was refused.", str(error.detail), "", headers=error.headers
    )


def is_api(scope: Mapping[str, Any]) -> bool:
    """Say whether a request is one to the HTTP API, wherever the app is mounted."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path == "/v1" or path.startswith("/v1/")


def install(app: FastAPI) -> None:
    """Answer every error of an app with its problem document."""

    async def answer(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        page = getattr(request.app.state, "error_page", None)
        if page is not None and not is_api(request.scope):
            shown: Response = page(request, problem)
            return shown
        return problem.response

    for kind in (Problem, RequestValidationError, HTTPException, HoldfastError, Exception):
        app.add_exception_handler(kind, answer)
