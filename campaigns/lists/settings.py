"""Where lists go beside the files under HOLDFAST_HOME: a table of the shop's own PostgreSQL, if it is set."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from warehouse.errors import SettingsError

TABLE = "holdfast_campaign_audience"
MODES = ("upsert", "mirror")
SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
NAME = r"[a-z_][a-z0-9_]{0,62}"


@dataclass(frozen=True)
class TableSettings:
    """The reverse-ETL table.

    Attributes
    ----------
    url : str
        PostgreSQL; empty for no table. May hold a password: it is never shown.
    schema, table : str
        Which one; the schema is empty for the first of the search path.
    mode : str
        `upsert`: rows are added and brought up to date. `mirror`: the table holds the newest audience, and
        nothing else.
    most_shrink : float
        Mirror: a larger share of the rows than this is not taken away unless a person says so.
    """

    url: str = field(default="", repr=False)
    schema: str = ""
    table: str = TABLE
    mode: str = "upsert"
    most_shrink: float = 0.5

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "TableSettings":
        """Read the settings of the table.

        Raises
        ------
        SettingsError
            If a value cannot be used. Names the variable; the URL is not repeated.
        """
        url = environment.get("HOLDFAST_REVERSE_ETL_URL", "").strip()
        if url and url.partition("://")[0] not in SCHEMES:
            raise SettingsError(
                "HOLDFAST_REVERSE_ETL_URL is no PostgreSQL URL",
                None,
                "postgresql://user:password@host/database",
            )
        named = environment.get("HOLDFAST_REVERSE_ETL_TABLE", "").strip() or TABLE
        found = re.fullmatch(rf"(?:({NAME})\.)?({NAME})", named)
        if found is None:
            raise SettingsError(
                "HOLDFAST_REVERSE_ETL_TABLE is no plain name of a table",
                named,
                "lower-case letters, digits and _, with its schema before a dot if need be",
            )
        mode = environment.get("HOLDFAST_REVERSE_ETL_MODE", "").strip() or "upsert"
        if mode not in MODES:
            raise SettingsError("HOLDFAST_REVERSE_ETL_MODE is not known", mode, f"use {' or '.join(MODES)}")
        return cls(
            url=url.replace("postgresql+psycopg://", "postgresql://", 1),
            schema=found[1] or "",
            table=found[2],
            mode=mode,
            most_shrink=_share(environment.get("HOLDFAST_REVERSE_ETL_MOST_SHRINK", "").strip() or "0.5"),
        )


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise SettingsError(
            "HOLDFAST_REVERSE_ETL_MOST_SHRINK must be a share from 0 to 1", text, "leave it out for 0.5"
        )
    return share
