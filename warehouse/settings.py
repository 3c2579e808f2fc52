"""Every setting, read once from the environment and passed on."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from warehouse.definitions import definition_in_force, load_definitions
from warehouse.environment import switch, web_address, whole_number
from warehouse.errors import SettingsError

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """Where things are and how much of the machine may be used.

    Attributes
    ----------
    home : Path
        The folder that holds all state (``HOLDFAST_HOME``).
    source : str
        The shop being processed (``HOLDFAST_SOURCE``).
    ledger_url : str
        SQLAlchemy URL of the ledger (``HOLDFAST_LEDGER_URL``).
    definition_id : str
        The definition of churn that drives the tiers (``HOLDFAST_DEFINITION``); the seed's own choice
        if left out.
    horizon_days, eligible_days : int
        Of that definition: the days of its window, and the days up to ``as_of_date`` in which an
        eligible user has a paid order.
    threads : int
        Threads that one DuckDB connection may use.
    memory_limit : str
        Memory that one DuckDB connection may use, as DuckDB spells it.
    snapshots_kept : int
        Published snapshots that retention leaves in place beside the current one.
    candidates : str
        Names of the models that compete, separated by commas (``HOLDFAST_CANDIDATES``); empty for all.
    search_trials : int
        Trials of the search for their settings, all together (``HOLDFAST_SEARCH_TRIALS``); 0 for none.
    search_seconds, fit_seconds : int
        The search begins no trial later than this; a single fit that takes longer is stopped.
    sending : bool
        Whether campaigns may send anything (``HOLDFAST_SENDING``); off unless somebody says ``on``.
    fresh_days : int
        A list older than this many days sends nothing (``HOLDFAST_FRESH_DAYS``).
    approval_hours : int
        Hours that a large campaign waits for a person; without an answer it is not sent
        (``HOLDFAST_APPROVAL_HOURS``).
    intraday_kept : int
        Snapshots of refreshes that retention leaves in place (``HOLDFAST_INTRADAY_KEPT``), beside those.
    alarm_url : str
        Where alarms are posted (``HOLDFAST_ALARM_URL``); empty for nowhere. May hold a secret.
    """

    home: Path
    source: str
    ledger_url: str
    definition_id: str = "paid_order_90d"
    horizon_days: int = 90
    eligible_days: int = 180
    threads: int = 2
    memory_limit: str = "4GB"
    snapshots_kept: int = 14
    alarm_url: str = field(default="", repr=False)
    candidates: str = ""
    search_trials: int = 30
    search_seconds: int = 900
    fit_seconds: int = 300
    sending: bool = False
    fresh_days: int = 2
    approval_hours: int = 12
    intraday_kept: int = 4

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings from environment variables.

        Raises
        ------
        SettingsError
            If a value cannot be used; the message names the variable.
        """
        env = os.environ if environment is None else environment
        home = Path(env.get("HOLDFAST_HOME") or REPOSITORY / "data").expanduser().resolve()
        source = env.get("HOLDFAST_SOURCE", "sample_shop")
        if not source.isidentifier() or source.lower() != source:
            raise SettingsError(
                "HOLDFAST_SOURCE must be a lower-case name of letters, digits and _",
                source,
                "use the folder name under dbt_project/models/staging/",
            )
        definition = definition_in_force(
            load_definitions(REPOSITORY / "dbt_project"), env.get("HOLDFAST_DEFINITION", "")
        )
        return cls(
            home=home,
            source=source,
            ledger_url=env.get("HOLDFAST_LEDGER_URL") or f"sqlite:///{home / 'ledger' / 'ledger.db'}",
            definition_id=definition.definition_id,
            horizon_days=definition.horizon_days,
            eligible_days=definition.active_within_days,
            threads=whole_number(env, "HOLDFAST_THREADS", 2),
            memory_limit=env.get("HOLDFAST_MEMORY_LIMIT", "4GB"),
            snapshots_kept=whole_number(env, "HOLDFAST_SNAPSHOTS_KEPT", 14),
            alarm_url=web_address(env, "HOLDFAST_ALARM_URL", is_open_allowed=True),
            candidates=env.get("HOLDFAST_CANDIDATES", ""),
            search_trials=whole_number(env, "HOLDFAST_SEARCH_TRIALS", 30, fewest=0),
            search_seconds=whole_number(env, "HOLDFAST_SEARCH_SECONDS", 900),
            fit_seconds=whole_number(env, "HOLDFAST_FIT_SECONDS", 300),
            sending=switch(env, "HOLDFAST_SENDING", off="sends nothing"),
            fresh_days=whole_number(env, "HOLDFAST_FRESH_DAYS", 2),
            approval_hours=whole_number(env, "HOLDFAST_APPROVAL_HOURS", 12),
            intraday_kept=whole_number(env, "HOLDFAST_INTRADAY_KEPT", 4),
        )

    @property
    def landing(self) -> Path:
        """Deliveries of the active source: one folder per day."""
        return self.home / "landing" / self.source

    @property
    def build_file(self) -> Path:
        """The private DuckDB file that one writer builds."""
        return self.home / "warehouse" / self.source / "build.duckdb"

    @property
    def intraday_file(self) -> Path:
        """The file in which refreshes keep what they made of the list, and the alerts they raised."""
        return self.home / "warehouse" / self.source / "intraday.duckdb"

    @property
    def spill(self) -> Path:
        """Where DuckDB may spill; emptied by whoever opens the build file for writing."""
        return self.home / "warehouse" / self.source / "spill"

    @property
    def writer_lock(self) -> Path:
        """The lock file that makes sure only one process writes the build file."""
        return self.home / "warehouse" / self.source / "writer.lock"

    @property
    def models(self) -> Path:
        """Registered models, one folder each."""
        return self.home / "models"

    @property
    def published(self) -> Path:
        """Snapshots and the ``current`` pointer."""
        return self.home / "published"

    @property
    def reports(self) -> Path:
        """Readable run reports."""
        return self.home / "reports"

    @property
    def data_docs(self) -> Path:
        """Great Expectations pages."""
        return self.home / "data_docs"

    @property
    def dbt_home(self) -> Path:
        """What dbt writes: target, logs and the manifest that the DAGs are drawn from."""
        return self.home / "dbt" / self.source

    @property
    def dbt_docs(self) -> Path:
        """The pages that dbt writes of its project, in one file, once `make docs` has made them."""
        return self.dbt_home / "docs" / "index.html"

    @property
    def dbt_project(self) -> Path:
        """The dbt project's own folder."""
        return REPOSITORY / "dbt_project"
