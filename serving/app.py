"""The app: the API and the pages over one set of snapshots and one ledger."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from serving import pages, problems
from serving.access import Gate
from serving.access_log import AccessLog
from serving.api import (
    at_risk,
    audiences,
    health,
    metrics,
    outcomes,
    reference,
    runs,
    score,
    unsubscribe,
    users,
)
from serving.audit import AuditWriter
from serving.limits import Streams
from serving.lists import installing
from serving.metrics import Metrics
from serving.scoring.scorer import Scorers
from serving.settings import ServingSettings
from serving.snapshots import Snapshots
from warehouse.ledger import Ledger

DESCRIPTION = """What Holdfast published, for tools: who is about to leave, why, and what was decided.

Every answer comes from one published run and says which. Errors are problem documents (RFC 9457) that say
what to do.
"""


def create_app(settings: ServingSettings | None = None) -> FastAPI:
    """Return the app; it lets go of snapshots and ledger when it is shut down.

    Parameters
    ----------
    settings : ServingSettings, optional
        Read from the environment if left out.

    Returns
    -------
    FastAPI
        ``state`` has ``settings``, ``snapshots``, ``ledger``, ``gate``, ``audit``, ``streams``, ``metrics``.
    """
    chosen = ServingSettings.from_environment() if settings is None else settings
    app = FastAPI(
        title="Holdfast",
        version=version("holdfast"),
        description=DESCRIPTION,
        openapi_url="/v1/openapi.json",
        # both would load their scripts from elsewhere
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    state = app.state
    state.settings = chosen
    state.ledger = Ledger.open(chosen.warehouse, keeps_connections=True)
    state.snapshots = Snapshots(chosen)
    state.audit = AuditWriter(state.ledger)
    state.gate = Gate(state.ledger, state.audit)
    state.streams = Streams(chosen.streams_per_key)
    state.metrics = Metrics()
    state.scorers = Scorers(chosen.warehouse.models)
    installing.install(app)
    problems.install(app)
    app.add_middleware(AccessLog, metrics=state.metrics, most_body_bytes=chosen.most_body_bytes)
    state.users = users.users_together(state)
    for module in (health, runs, reference, metrics, at_risk, users, audiences, outcomes, score, unsubscribe):
        app.include_router(module.router)
    pages.install(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.workers.close()
    app.state.scorers.close()
    app.state.audit.close()
    app.state.snapshots.close()
    app.state.ledger.close()
