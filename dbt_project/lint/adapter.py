"""Stand-in for dbt's `adapter`, so that sqlfluff can render the macros without dbt."""

from collections.abc import Callable


def dispatch(macro_name: str, macro_namespace: str) -> Callable[..., str]:
    """Return a macro that reads like a call: which engine's own is taken is dbt's choice."""
    return lambda *_arguments: f"{macro_namespace}_{macro_name}()"
