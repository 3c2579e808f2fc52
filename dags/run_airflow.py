"""Start Airflow for this home and keep it up: ``python -m dags.run_airflow`` (``make up``).

Scheduler, DAG processor, triggerer and API server, each with its own log, and beside them the HTTP API and
the dashboard over what is published; Ctrl-C stops all of them. SQLite and LocalExecutor unless
HOLDFAST_AIRFLOW_DB names a PostgreSQL.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from dags.wiring.airflow_home import enter, prepare_database
from dags.wiring.quiet import output_to
from warehouse.errors import HoldfastError
from warehouse.settings import Settings

# what to start, and the parts of its health that must be good before going on
COMPONENTS = (
    (("api-server",), ("metadatabase",)),
    (("dag-processor", "scheduler", "triggerer"), ("scheduler", "dag_processor", "triggerer")),
)
# not Airflow's: the line goes on without it
SERVING = "serving"
READY_WITHIN_SECONDS = 180
STOP_WITHIN_SECONDS = 30


class Stopped(Exception):
    """Somebody asked to stop."""


def main() -> int:
    """Start them, wait until Airflow is ready, and stay until asked to stop; 1 if a part of Airflow dies."""
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    running: dict[str, subprocess.Popen[bytes]] = {}
    server: dict[str, subprocess.Popen[bytes]] = {}
    try:
        settings = Settings.from_environment()
        home = enter(settings)
        print(f"Starting Airflow in {home} ...", flush=True)
        with output_to(home / "logs" / "database.log"):
            prepare_database()
        server[SERVING] = _start(home / "logs" / f"{SERVING}.log", "serving", "serve")
        # the others call the API server from their first moment on
        for names, parts in COMPONENTS:
            for name in names:
                running[name] = _start(home / "logs" / f"{name}.log", "airflow", name)
            if not _wait_until_healthy(running, parts):
                return 1
        print(_welcome(settings, home), flush=True)
        while not _fallen(running):
            if _fallen(server):
                print("Airflow goes on; `make serve` starts API and dashboard alone", file=sys.stderr)
                server.clear()
            time.sleep(1)
    except Stopped:
        print("Stopping Airflow ...", flush=True)
        return 0
    except HoldfastError as error:
        print(error, file=sys.stderr)
        return 1
    else:
        return 1
    finally:
        _end(running | server)


def _start(log: Path, module: str, verb: str) -> subprocess.Popen[bytes]:
    with log.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", module, verb],
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            # its children go with it when it is stopped
            start_new_session=True,
        )


def _wait_until_healthy(running: dict[str, subprocess.Popen[bytes]], parts: Sequence[str]) -> bool:
    give_up_at = time.monotonic() + READY_WITHIN_SECONDS
    url = f"http://127.0.0.1:{os.environ['AIRFLOW__API__PORT']}/api/v2/monitor/health"
    while time.monotonic() < give_up_at:
        if _fallen(running):
            return False
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                health = json.load(answer)
        except (OSError, urllib.error.URLError, ValueError):
            health = {}
        if all(health.get(part, {}).get("status") == "healthy" for part in parts):
            return True
        time.sleep(1)
    print(f"Airflow is not ready after {READY_WITHIN_SECONDS} s; its logs say why", file=sys.stderr)
    return False


def _fallen(running: dict[str, subprocess.Popen[bytes]]) -> bool:
    for name, process in running.items():
        if process.poll() is not None:
            log = Path(os.environ["AIRFLOW_HOME"]) / "logs" / f"{name}.log"
            print(f"{name} ended with code {process.returncode}; see {log}", file=sys.stderr)
            return True
    return False


def _welcome(settings: Settings, home: Path) -> str:
    passwords = home / "simple_auth_manager_passwords.json.generated"
    login = "see the API server's log for the password"
    if passwords.is_file():
        login = " ".join(
            f"user {user}, password {word}" for user, word in json.loads(passwords.read_text()).items()
        )
    return (
        f"Airflow is up: http://localhost:{os.environ['AIRFLOW__API__PORT']} ({login})\n"
        f"Deliveries of {settings.source} are awaited in {settings.landing}/<YYYY-MM-DD>/\n"
        f"API and dashboard: http://localhost:{os.environ.get('HOLDFAST_PORT') or 8088}\n"
        f"Logs: {home / 'logs'}. Stop with Ctrl-C."
    )


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise Stopped


def _end(running: dict[str, subprocess.Popen[bytes]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for process in running.values():
        if process.poll() is None:
            process.terminate()
    give_up_at = time.monotonic() + STOP_WITHIN_SECONDS
    for process in running.values():
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, give_up_at - time.monotonic()))
        # the session's leftovers (workers, parsers) go too
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
