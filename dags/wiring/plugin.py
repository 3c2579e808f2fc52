"""What Airflow must know before it reads the DAGs; found through the package's entry point.

The dashboard also stands inside Airflow's own pages: the API server mounts the app that `make serve` starts
under ``/holdfast``, and the menu shows it, with dbt's pages beside it. People sign in there as they do
outside: what Airflow lets somebody do says nothing of whose data they may see.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from threading import Lock
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from dags.wiring.deadline import NextPull

MOUNTED_AT = "/holdfast"
MENU = "Holdfast"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Dashboard:
    """The served app, made when it is first asked for.

    Scheduler, workers and DAG processor load this plugin too: they must neither open snapshots nor pay for
    importing a web server.
    """

    def __init__(self) -> None:
        self._app: Any = None
        self._making = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._made()(scope, receive, send)

    def _made(self) -> Any:
        with self._making:
            if self._app is None:
                # the one place where the scheduler's side knows the server: pyproject.toml says so
                from serving.app import create_app

                self._app = create_app()
            return self._app


class HoldfastPlugin(AirflowPlugin):
    """Makes the list's deadline known to the scheduler, and the dashboard to Airflow's pages."""

    name = "holdfast"
    deadline_references: ClassVar[list[Any]] = [NextPull]
    fastapi_apps: ClassVar[list[Any]] = [
        {"app": Dashboard(), "url_prefix": MOUNTED_AT, "name": "Holdfast dashboard"}
    ]
    external_views: ClassVar[list[Any]] = [
        {
            "name": "Users at risk",
            "href": f"{MOUNTED_AT}/today",
            "url_route": "holdfast",
            "destination": "nav",
            "category": MENU,
        },
        {
            "name": "dbt docs",
            "href": f"{MOUNTED_AT}/data/dbt-docs",
            "url_route": "holdfast_dbt_docs",
            "destination": "nav",
            "category": MENU,
        },
    ]
