"""Running the app: uvicorn with bounds on what a client may send and on how slowly it may take."""

import logging

import uvicorn

from serving.app import create_app
from serving.settings import ServingSettings

MOST_HEADER_BYTES = 16 * 1024
DRAIN_SECONDS = 20


def serve(settings: ServingSettings) -> None:
    """Serve until SIGTERM or Ctrl-C; answers that have begun are finished first."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    app = create_app(settings)
    print(f"The dashboard: http://{settings.host}:{settings.port}/", flush=True)
    if not any(person.disabled_at is None for person in app.state.ledger.people()):
        print("Nobody may sign in yet: python -m serving person add NAME --role admin", flush=True)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        http="h11",
        ws="none",
        # ours writes no query and no header
        access_log=False,
        server_header=False,
        # a caller's word for where it comes from: sign-in locks and trusted proxies go by who really connects
        proxy_headers=False,
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        log_config=None,
    )
