"""The rows that were set aside, on one screen."""

from warehouse.connections import open_read_only
from warehouse.settings import Settings


def quarantined(settings: Settings, top: int = 5) -> str:
    """Return the newest quarantined rows of each table and reason, with their count, as text.

    Parameters
    ----------
    settings : Settings
        Names the build file.
    top : int
        Rows shown per table and reason.

    Raises
    ------
    DamagedFile
        If the build file is missing or open elsewhere.
    """
    with open_read_only(settings.build_file) as connection:
        found = connection.execute(
            "select table_name, reason_code, count(*) over kind, reason, raw_text from quarantine.rows "
            "window kind as (partition by table_name, reason_code) "
            "qualify row_number() over (kind order by delivery_number desc, source_file, source_line) <= ? "
            "order by 3 desc, table_name, reason_code, delivery_number desc, source_file, source_line",
            [top],
        ).fetchall()
    if not found:
        return f"No row of {settings.source} is in quarantine"
    lines: list[str] = []
    told: set[tuple[str, str]] = set()
    for table, code, count, reason, raw_text in found:
        if (table, code) not in told:
            told.add((table, code))
            lines.append(f"{table}, {code}: {count:,}")
        lines.append(f"  {reason}" + (f"\n    {raw_text}" if raw_text else ""))
    return "\n".join(lines)
