"""Puts the pages into the app: routes, headers, and errors as pages where a person asked."""

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from serving.pages import assets, at_risk, campaigns, data, model, sign_in, today, user
from serving.pages.doors import Doors, SignInNeeded, viewer_of
from serving.pages.frame import Frame
from serving.pages.headers import PageHeaders, own_path
from serving.pages.page_settings import PageSettings
from serving.problems import Problem
from warehouse.publish.pointer import served_run_id
from warehouse.settings import Settings
from warehouse.sources import load_source, source_file

#: Nothing published so far, or nothing that can be opened.
NOTHING_TO_SERVE = "nothing_to_serve"
#: Every module of pages; a new one adds its line here.
ROUTERS = (
    assets.router,
    sign_in.router,
    today.router,
    at_risk.router,
    user.router,
    model.router,
    campaigns.router,
    data.router,
)


def install(app: FastAPI, settings: PageSettings | None = None) -> None:
    """Add every page to the app, whose ``state`` holds settings, snapshots and ledger.

    Parameters
    ----------
    app : FastAPI
        The app; its problems are drawn as pages outside ``/v1``.
    settings : PageSettings, optional
        Read from the environment if left out.
    """
    warehouse: Settings = app.state.settings.warehouse
    pages = PageSettings.from_environment() if settings is None else settings
    app.state.doors = Doors.of_home(warehouse.home, pages, currency_of(warehouse))
    app.state.error_page = error_page
    app.add_middleware(PageHeaders, settings=pages)
    app.add_exception_handler(SignInNeeded, ask_to_sign_in)
    for router in ROUTERS:
        app.include_router(router)


def currency_of(settings: Settings) -> str:
    """Return the ISO code of the shop's currency, or nothing where the shop is not declared here."""
    if not source_file(settings.source, settings.dbt_project).is_file():
        return ""
    return load_source(settings.source, settings.dbt_project).currency


async def ask_to_sign_in(request: Request, _: Exception) -> Response:
    """Lead to the sign-in page, and back from there to what was asked for."""
    asked = own_path(request.scope)
    query = f"?{request.url.query}" if request.url.query else ""
    goal = f"{asked}{query}" if request.method == "GET" and asked != "/" else None
    return RedirectResponse(Frame(request, "sign_in", None).url("/sign-in", next=goal), status_code=303)


def error_page(request: Request, problem: Problem) -> Response:
    """Draw a problem as a page that says what happened and what to do."""
    try:
        viewer = viewer_of(request)
    except Problem:
        # that nobody is let in may be the very problem
        viewer = None
    frame = Frame(request, "error", viewer)
    served = served_run_id(request.app.state.settings.warehouse)
    if problem.code == NOTHING_TO_SERVE and viewer is not None and served is None:
        # no error of anybody: the pipeline has not been through its first day
        return frame.render("empty.html")
    told = f"problem.{problem.code}"
    is_told = frame.words.has(f"{told}.title")
    response = frame.render(
        "error.html",
        status=problem.status,
        title=frame.words(f"{told}.title") if is_told else problem.title,
        detail=problem.detail,
        todo=frame.words(f"{told}.todo") if is_told else problem.todo,
    )
    response.headers.update(problem.headers)
    return response
