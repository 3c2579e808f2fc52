"""Settings of the API and the dashboard, read once from the environment and passed on."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from warehouse.environment import switch, whole_number
from warehouse.settings import Settings


@dataclass(frozen=True)
class ServingSettings:
    """How the published snapshot is served.

    Attributes
    ----------
    warehouse : Settings
        Where things are and how much of the machine may be used.
    host : str
        The address that is listened on; another than loopback belongs behind a proxy that speaks TLS.
    port : int
        The port (``HOLDFAST_PORT``).
    stale_hours : int
        A snapshot older than this is called stale (``HOLDFAST_STALE_HOURS``).
    query_seconds : float
        A query that takes longer is interrupted.
    slow_client_seconds : float
        A client that takes nothing of what waits for it for so long is cut off, and so is one that does not
        finish its request.
    streams_per_key : int
        Answers of many rows that one key may pull at once.
    most_body_bytes : int
        A larger request is refused.
    open_metrics : bool
        Whether metrics are told to this machine's own processes without a key (``HOLDFAST_OPEN_METRICS``).
    """

    warehouse: Settings
    host: str = "127.0.0.1"
    port: int = 8088
    stale_hours: int = 36
    query_seconds: float = 30.0
    slow_client_seconds: float = 30.0
    streams_per_key: int = 2
    most_body_bytes: int = 4_000_000
    open_metrics: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the settings from environment variables.

        Raises
        ------
        SettingsError
            If a value cannot be used; the message names the variable.
        """
        env = os.environ if environment is None else environment
        return cls(
            warehouse=Settings.from_environment(env),
            port=whole_number(env, "HOLDFAST_PORT", 8088, most=65535),
            stale_hours=whole_number(env, "HOLDFAST_STALE_HOURS", 36, most=24 * 366),
            open_metrics=switch(
                env, "HOLDFAST_OPEN_METRICS", off="asks for a key with the scope metrics:read"
            ),
        )
