"""Stand-in for dbt's `modules`, so that sqlfluff can render the macros without dbt."""

import datetime
import re

__all__ = ["datetime", "re"]
