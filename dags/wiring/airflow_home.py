"""Airflow's own settings, in one place: `make up`, `run_day` and the tests start from here.

A company's Airflow has its own; docs/deploy.md says which of these it needs too.
"""

import base64
import json
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from warehouse.errors import SettingsError
from warehouse.settings import REPOSITORY, Settings

DATABASE = "HOLDFAST_AIRFLOW_DB"
PORT = "HOLDFAST_AIRFLOW_PORT"
PORT_DEFAULT = "8080"


def airflow_environment(settings: Settings, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment in which Airflow runs for this home.

    Parameters
    ----------
    settings : Settings
        Says where state is.
    environment : mapping, optional
        Where ``HOLDFAST_AIRFLOW_DB`` (a SQLAlchemy URL; SQLite under the home if unset) and
        ``HOLDFAST_AIRFLOW_PORT`` come from, and any ``AIRFLOW__…`` that shall win over the
        defaults here. The process's own if None.

    Returns
    -------
    dict
        Variables to add to a process before it imports Airflow.
    """
    env = os.environ if environment is None else environment
    home = settings.home / "airflow"
    port = env.get(PORT) or PORT_DEFAULT
    if not re.fullmatch(r"[0-9]{2,5}", port):
        raise SettingsError(f"{PORT} must be a port", port, f"for instance {PORT}={PORT_DEFAULT}")
    fixed = {
        "AIRFLOW_HOME": str(home),
        "HOLDFAST_HOME": str(settings.home),
        "HOLDFAST_SOURCE": settings.source,
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url(settings, env),
    }
    defaults = {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        # each worker is a process of 170 MB; one task writes at a time and the rest watch
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": port,
        "AIRFLOW__API__BASE_URL": f"http://localhost:{port}",
        # two busy cores answer late; a task must not die of it
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        # importing Cosmos and drawing a task per model takes seconds
        "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "180",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__COSMOS__CACHE_DIR": str(home / "cosmos"),
        "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
        # our producer builds again when it is cleared; nothing needs restoring
        "AIRFLOW__COSMOS__ENABLE_WATCHER_RELIABLE_RETRY": "False",
        "DO_NOT_TRACK": "true",
        "SCARF_NO_ANALYTICS": "true",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "GX_ANALYTICS_ENABLED": "false",
    }
    return fixed | {name: env.get(name) or value for name, value in defaults.items()}


def database_url(settings: Settings, environment: Mapping[str, str]) -> str:
    """Return the URL of Airflow's database: SQLite under the home, or what HOLDFAST_AIRFLOW_DB says.

    Raises
    ------
    SettingsError
        If the URL is of another database.
    """
    url = environment.get(DATABASE)
    if not url:
        return f"sqlite:///{settings.home / 'airflow' / 'airflow.db'}"
    if url.startswith(("postgresql://", "postgres://")):
        return "postgresql+psycopg://" + url.split("://", 1)[1]
    if url.startswith("postgresql+psycopg"):
        return url
    raise SettingsError(
        f"{DATABASE} must be a PostgreSQL URL, or be left out for SQLite",
        url.split("@")[-1],
        f"for instance {DATABASE}=postgresql+psycopg://user:password@host/airflow",
    )


def enter(settings: Settings) -> Path:
    """Put Airflow's settings into this process's environment and make its folders. Returns AIRFLOW_HOME."""
    os.environ.update(airflow_environment(settings))
    home = Path(os.environ["AIRFLOW_HOME"])
    (home / "logs").mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / "cosmos").mkdir(exist_ok=True, mode=0o700)
    os.environ.update({name: os.environ.get(name) or value for name, value in _secrets(home).items()})
    return home


def _secrets(home: Path) -> dict[str, str]:
    """Return the keys that Airflow's processes share: made once, kept in a file only its owner reads."""
    path = home / "secrets.json"
    if not path.is_file():
        fernet = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        made = {
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(48),
            "AIRFLOW__CORE__FERNET_KEY": fernet,
        }
        half = path.with_name(f".secrets.{os.getpid()}")
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(made, stream)
        # whoever comes first decides; the others take what is there
        with suppress(FileExistsError):
            os.link(half, path)
        half.unlink()
    return {str(name): str(value) for name, value in json.loads(path.read_text()).items()}


def prepare_database() -> None:
    """Bring Airflow's database up to date and make the writer's pool. Call after `enter`."""
    from airflow.models.pool import Pool
    from airflow.utils import db

    from dags.wiring.defaults import WRITER_POOL

    db.initdb()
    Pool.create_or_update_pool(
        WRITER_POOL,
        slots=1,
        description="The one process that may open the build file",
        include_deferred=False,
    )
