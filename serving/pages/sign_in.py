"""Signing in and out."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from serving import audit
from serving.pages.doors import (
    LANGUAGE_COOKIE,
    SESSION_COOKIE,
    VISIT_COOKIE,
    check_form,
    doors_of,
    session_of,
    viewer_of,
)
from serving.pages.frame import A_YEAR, Frame, set_cookie
from serving.pages.language import LANGUAGES
from serving.pages.people import NOBODY, is_password
from serving.pages.sessions import new_nonce
from warehouse.ledger import Ledger

HOME = "/today"
VISIT_SECONDS = 3600
router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
def sign_in_page(request: Request, next: str = HOME) -> Response:
    """Show the form, or what to do where nobody may sign in yet."""
    if viewer_of(request) is not None:
        return _go(request, next)
    return _form(request, next)


@router.post("/sign-in")
def sign_in(
    request: Request,
    person: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=256)] = "",
    form_token: Annotated[str, Form(max_length=128)] = "",
    next: Annotated[str, Form(max_length=2000)] = HOME,
) -> Response:
    """Let somebody in whose password is right, and count the tries of everybody else."""
    doors, ledger = doors_of(request.app), request.app.state.ledger
    check_form(request, form_token, _visit(request))
    name, address = person.strip(), request.client.host if request.client else ""
    if not doors.tries.take(name, address):
        return _form(request, next, "sign_in.locked", name, status=429)
    known = ledger.find_person(name)
    is_let_in = known is not None and known.disabled_at is None
    # Compared in any case, so that a name that is not there takes as long as one that is.
    is_right = is_password(password, known.password_hash if known and is_let_in else NOBODY)
    if known is None or not is_let_in or not is_right:
        _tell_the_audit(ledger, known is not None, name, is_locked=doors.tries.is_locked(name))
        return _form(request, next, "sign_in.wrong", name, status=401)
    doors.tries.right(name, address)
    _, cookie = doors.signer.begin(
        name, known.password_hash, now=doors.clock(), hours=doors.settings.session_hours
    )
    audit.record(ledger, actor=f"person:{name}", action="person.signed_in", subject=name, details={})
    response = _go(request, next)
    set_cookie(request, response, SESSION_COOKIE, cookie, seconds=3600 * doors.settings.session_hours)
    if known.language in LANGUAGES and LANGUAGE_COOKIE not in request.cookies:
        set_cookie(request, response, LANGUAGE_COOKIE, known.language, seconds=A_YEAR)
    response.delete_cookie(VISIT_COOKIE, path=request.scope.get("root_path", "") or "/")
    return response


@router.post("/sign-out")
def sign_out(request: Request, form_token: Annotated[str, Form(max_length=128)] = "") -> Response:
    """End the session in this browser."""
    session = session_of(request)
    if session is not None:
        check_form(request, form_token, session.nonce)
        audit.record(
            request.app.state.ledger,
            actor=f"person:{session.person}",
            action="person.signed_out",
            subject=session.person,
            details={},
        )
    response = _go(request, "/sign-in")
    response.delete_cookie(SESSION_COOKIE, path=request.scope.get("root_path", "") or "/")
    return response


def safe_next(asked: str) -> str:
    """Return where to go after signing in: a page of ours, whatever a link said."""
    parts = urlsplit(asked)
    is_ours = asked.startswith("/") and not asked.startswith(("//", "/\\")) and not parts.netloc
    is_page = is_ours and asked.isprintable() and "\\" not in asked and not asked.startswith("/sign-")
    return asked if is_page else HOME


def _go(request: Request, path: str) -> RedirectResponse:
    root = request.scope.get("root_path", "")
    target = "/sign-in" if path == "/sign-in" else safe_next(path)
    return RedirectResponse(f"{root}{target}", status_code=303)


def _visit(request: Request) -> str:
    return request.cookies.get(VISIT_COOKIE, "")


def _form(
    request: Request, next_page: str, problem: str = "", name: str = "", *, status: int = 200
) -> Response:
    ledger = request.app.state.ledger
    visit = _visit(request) or new_nonce()
    frame = Frame(request, "sign_in", None)
    response = frame.render(
        "sign_in.html",
        status=status,
        next_page=safe_next(next_page),
        problem=problem,
        name=name,
        is_anybody_there=any(person.disabled_at is None for person in ledger.people()),
        visit_token=doors_of(request.app).signer.form_token(visit),
        minutes=doors_of(request.app).settings.lock_minutes,
    )
    set_cookie(request, response, VISIT_COOKIE, visit, seconds=VISIT_SECONDS)
    return response


def _tell_the_audit(ledger: Ledger, is_known: bool, name: str, *, is_locked: bool) -> None:
    # What somebody typed in place of a name may be a password: only names that are there are written down.
    audit.record(
        ledger,
        actor="nobody",
        action="person.locked_out" if is_locked else "person.sign_in_failed",
        subject=name if is_known else "unknown name",
        details={},
    )
