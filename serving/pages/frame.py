"""The frame of every page: who looks, in which language, at which published run, and how it is drawn.

A page is a route that takes a `Frame`::

    @router.get("/model")
    def model(frame: Annotated[Frame, Depends(page("model"))]) -> Response:
        return frame.render("model.html", report=frame.snapshot.rows("select …"))

The frame's snapshot stays leased until the answer is sent: everything on a page is of one run.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from serving.pages import assets
from serving.pages.doors import (
    LANGUAGE_COOKIE,
    LANGUAGE_PARAMETER,
    SignInNeeded,
    doors_of,
    language_of,
    language_to_keep,
    viewer_of,
)
from serving.pages.headers import own_path
from serving.pages.language import LANGUAGES, Words
from serving.pages.plots import Plot
from serving.pages.viewers import ROLES, Role, Viewer
from serving.problems import Problem
from serving.snapshots import Snapshot

TEMPLATES = Path(__file__).parent / "templates"
A_YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Place:
    """A page in the navigation: its name is its key in the catalogue, too."""

    name: str
    path: str


NAVIGATION = (
    Place("today", "/today"),
    Place("at_risk", "/at-risk"),
    Place("users", "/users"),
    Place("model", "/model"),
    Place("campaigns", "/campaigns"),
    Place("data", "/data"),
)


@dataclass(frozen=True)
class Freshness:
    """How old what is shown is."""

    as_of_date: Any
    run_id: str
    published_at: datetime
    age: timedelta
    is_stale: bool


@cache
def environment() -> jinja2.Environment:
    """Return the templates' environment: everything is escaped, and a name that is not there is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@dataclass(frozen=True)
class Frame:
    """One request's page before it is drawn.

    Attributes
    ----------
    request : Request
        What was asked.
    name : str
        Which page; a name of `NAVIGATION`, or another for pages outside it.
    viewer : Viewer or None
        Who looks; None on the pages before sign-in.
    published : Snapshot or None
        The run that is shown; None where nothing is.
    """

    request: Request
    name: str
    viewer: Viewer | None
    published: Snapshot | None = None

    @property
    def snapshot(self) -> Snapshot:
        """The run that is shown."""
        if self.published is None:
            raise RuntimeError(f"page {self.name} was opened without a snapshot")
        return self.published

    @property
    def person(self) -> Viewer:
        """Who looks."""
        if self.viewer is None:
            raise RuntimeError(f"page {self.name} was opened without a person")
        return self.viewer

    @cached_property
    def words(self) -> Words:
        """The texts in the reader's language."""
        return Words(language_of(self.request), doors_of(self.request.app).currency)

    @cached_property
    def freshness(self) -> Freshness | None:
        """How old the run that is shown is, or None where nothing is."""
        if self.published is None:
            return None
        age = doors_of(self.request.app).clock().astimezone(UTC) - self.published.published_at
        hours = self.request.app.state.settings.stale_hours
        return Freshness(
            self.published.as_of_date,
            self.published.run_id,
            self.published.published_at,
            age,
            age > timedelta(hours=hours),
        )

    def url(self, path: str, parameters: Mapping[str, object] | None = None, /, **more: object) -> str:
        """Return the address of a page, wherever the app is mounted; empty parameters are left out."""
        pairs = [
            (name, value)
            for name, values in {**(parameters or {}), **more}.items()
            for value in (values if isinstance(values, list | tuple) else [values])
            if value not in (None, "")
        ]
        root = self.request.scope.get("root_path", "")
        return f"{root}{quote(path)}" + (f"?{urlencode(pairs)}" if pairs else "")

    def static(self, file_name: str) -> str:
        """Return the address of a static file, with its content's hash in the name."""
        return self.url(f"/static/{assets.asset(file_name).name}")

    @property
    def styles_of_plotly(self) -> tuple[str, ...]:
        """Ids that plotly looks for before it adds styles of its own."""
        return assets.styles_of_plotly()

    def user_url(self, user_id: str) -> str:
        """Return the address of a user's page, which carries no more than this person may see."""
        return self.url("/users", id=self.person.shown(user_id))

    def here(self, language: str) -> str:
        """Return this page's address in another language."""
        kept = [pair for pair in self.request.query_params.multi_items() if pair[0] != LANGUAGE_PARAMETER]
        root, path = self.request.scope.get("root_path", ""), own_path(self.request.scope)
        return f"{root}{quote(path)}?{urlencode([*kept, (LANGUAGE_PARAMETER, language)])}"

    @property
    def form_token(self) -> str:
        """What a form on this page must carry as ``form_token``; empty where nobody is signed in."""
        return doors_of(self.request.app).signer.form_token(self.viewer.session) if self.viewer else ""

    def render(
        self, template: str, *, status: int = 200, plots: Sequence[Plot] = (), **context: object
    ) -> Response:
        """Draw the page.

        Parameters
        ----------
        template : str
            A file of ``templates/``.
        status : int, optional
            The answer's status.
        plots : sequence of Plot, optional
            The page's plots; where there are any, plotly's script is loaded.
        **context
            What the template needs.
        """
        html = (
            environment()
            .get_template(template)
            .render(
                frame=self,
                t=self.words,
                viewer=self.viewer,
                freshness=self.freshness,
                navigation=NAVIGATION,
                languages=LANGUAGES,
                plots={plot.name: plot for plot in plots},
                **context,
            )
        )
        response = HTMLResponse(html, status_code=status, headers={"Content-Language": self.words.language})
        keep = language_to_keep(self.request)
        if keep:
            set_cookie(self.request, response, LANGUAGE_COOKIE, keep, seconds=A_YEAR)
        return response


def set_cookie(request: Request, response: Response, name: str, value: str, *, seconds: int) -> None:
    """Set a cookie that no script can read and no other site can make a browser send with a form."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=request.scope.get("root_path", "") or "/",
        httponly=True,
        samesite="lax",
        secure=doors_of(request.app).settings.secure_cookies or request.url.scheme == "https",
    )


def page(
    name: str, *, roles: Sequence[Role] = ROLES, with_snapshot: bool = True
) -> Callable[[Request], Iterator[Frame]]:
    """Return the dependency that opens a page for a signed-in person.

    Parameters
    ----------
    name : str
        Which page; a name of `NAVIGATION` marks it there.
    roles : sequence of str, optional
        Who may open it; everybody unless named.
    with_snapshot : bool, optional
        Whether it shows what is published.

    Returns
    -------
    callable
        A FastAPI dependency that yields a `Frame`, its snapshot leased until the answer is sent.
    """

    def open_page(request: Request) -> Iterator[Frame]:
        viewer = viewer_of(request)
        if viewer is None:
            raise SignInNeeded
        if viewer.role not in roles:
            raise Problem(
                status=403,
                code="not_for_your_role",
                title="This page is not for your role",
                detail=f"It is for {', '.join(roles)}; you are {viewer.role}.",
                todo="Ask an admin for another role if your work needs it.",
            )
        if not with_snapshot:
            yield Frame(request, name, viewer)
            return
        with request.app.state.snapshots.reading() as snapshot:
            yield Frame(request, name, viewer, snapshot)

    return open_page
