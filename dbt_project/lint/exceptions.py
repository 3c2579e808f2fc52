"""Stand-in for dbt's `exceptions`, so that sqlfluff can render the macros without dbt."""


def raise_compiler_error(message: str) -> None:
    """Stop, as dbt would."""
    raise ValueError(message)
