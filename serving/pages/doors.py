"""Who is at the door: the signed-in person of a request, the forms they send, the language they read."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request

from serving.pages.language import LANGUAGES, language_asked_for
from serving.pages.page_settings import PageSettings
from serving.pages.people import Tries
from serving.pages.sessions import Session, Signer, page_key
from serving.pages.viewers import ROLES, Role, Viewer
from serving.problems import Problem
from warehouse.ledger import DashboardPerson, utc_now

SESSION_COOKIE = "holdfast_session"
VISIT_COOKIE = "holdfast_visit"
LANGUAGE_COOKIE = "holdfast_language"
LANGUAGE_PARAMETER = "lang"


class SignInNeeded(Exception):
    """Nobody is signed in: the answer is the way to the sign-in page."""


@dataclass
class Doors:
    """What all pages of one process share about coming in.

    Attributes
    ----------
    settings : PageSettings
        How people come in.
    signer : Signer
        Signs sessions and forms with the home's key.
    tries : Tries
        Wrong passwords of late.
    clock : callable
        Gives the current moment in UTC.
    currency : str
        ISO code of the shop's currency.
    """

    settings: PageSettings
    signer: Signer
    tries: Tries
    clock: Callable[[], datetime] = field(default=utc_now)
    currency: str = ""

    @classmethod
    def of_home(cls, home: Any, settings: PageSettings, currency: str = "") -> "Doors":
        """Return the doors of a home, making its key if there is none."""
        return cls(
            settings=settings,
            signer=Signer(page_key(home)),
            tries=Tries(settings.sign_in_tries, 60.0 * settings.lock_minutes),
            currency=currency,
        )


def doors_of(app: FastAPI) -> Doors:
    """Return the doors of an app, put there by `serving.pages.install`."""
    found: Doors = app.state.doors
    return found


def viewer_of(request: Request) -> Viewer | None:
    """Return who is signed in: by the proxy's word where one is believed, else by the session's cookie.

    Raises
    ------
    Problem
        403 if a trusted proxy names somebody who is not among the dashboard's people.
    """
    doors = doors_of(request.app)
    named = name_by_proxy(request, doors.settings)
    if named:
        person = request.app.state.ledger.find_person(named)
        if person is None or person.disabled_at is not None:
            raise Problem(
                status=403,
                code="not_a_person",
                title="You are signed in elsewhere, and may not look at this dashboard",
                detail="The proxy named you, and the dashboard's people do not include that name.",
                todo="Ask an admin to run: python -m serving person add <your name> --role <role> --sso",
            )
        # Forms are bound to the name: there is no cookie of ours that another site could make a browser send.
        return _viewer(doors, person, session=f"sso {named}", through="sso")
    session = session_of(request)
    if session is None:
        return None
    person = request.app.state.ledger.find_person(session.person)
    if person is None or person.disabled_at is not None:
        return None
    if not hmac.compare_digest(doors.signer.fingerprint(person.password_hash), session.fingerprint):
        return None
    return _viewer(doors, person, session=session.nonce, through="password")


def session_of(request: Request) -> Session | None:
    """Return the session of the request's cookie, if it was signed here and has not expired."""
    doors = doors_of(request.app)
    return doors.signer.session(request.cookies.get(SESSION_COOKIE), now=doors.clock())


def name_by_proxy(request: Request, settings: PageSettings) -> str:
    """Return the name that a proxy vouches for; empty unless it is one whose address is trusted."""
    if not settings.sso_header or request.client is None or request.client.host not in settings.sso_proxies:
        return ""
    return request.headers.get(settings.sso_header, "").strip()


def language_of(request: Request) -> str:
    """Return the language to answer in."""
    return language_asked_for(
        request.query_params.get(LANGUAGE_PARAMETER),
        request.cookies.get(LANGUAGE_COOKIE),
        request.headers.get("accept-language"),
    )


def language_to_keep(request: Request) -> str | None:
    """Return the language that the address asked for, to be kept in a cookie; None if it asked for none."""
    asked = request.query_params.get(LANGUAGE_PARAMETER)
    return asked if asked in LANGUAGES else None


def check_form(request: Request, token: str, bound_to: str) -> None:
    """Refuse a form that was not sent from a page of ours, by this visitor.

    Raises
    ------
    Problem
        403 if the token is another session's, or the browser says the form came from another site.
    """
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign or not doors_of(request.app).signer.is_form_token(token, bound_to):
        raise Problem(
            status=403,
            code="form_not_ours",
            title="This form was not sent from a page of this dashboard",
            detail="Its token is missing, is of another session, or the form came from another site.",
            todo="Go back, load the page again, and send the form once more.",
        )


def _viewer(doors: Doors, person: DashboardPerson, *, session: str, through: str) -> Viewer:
    if person.role not in ROLES:
        raise Problem(
            status=403,
            code="not_for_your_role",
            title="Your role is not known here",
            detail=f"Your role is {person.role!r}.",
            todo=f"Ask an admin to run: python -m serving person add {person.person} --role analyst",
        )
    role: Role = person.role  # type: ignore[assignment]  # one of ROLES, as was just seen
    return Viewer(
        name=person.person,
        role=role,
        pseudonym_key=doors.signer.derived("pseudonyms"),
        session=session,
        through="sso" if through == "sso" else "password",
    )
