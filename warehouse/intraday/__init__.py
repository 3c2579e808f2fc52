"""Between two lists: what has landed since, whom it touches, and what is worth a warning.

A refresh reads the build file and the published list, and writes a file of its own
(``warehouse/<source>/intraday.duckdb``) and a snapshot. What the daily run makes of a day does not depend
on it (docs/adr/0013).
"""

from warehouse.intraday.ground import Ground, NotNow, find_ground
from warehouse.intraday.memory import Alert, Memory, raised_alerts
from warehouse.intraday.workplace import Workplace, open_workplace

__all__ = [
    "Alert",
    "Ground",
    "Memory",
    "NotNow",
    "Workplace",
    "find_ground",
    "open_workplace",
    "raised_alerts",
]
