"""The candidates that compete for the score: one module each. Adding one is adding a file.

Every module of this package that has a `CANDIDATE` takes part. The recency rule comes first; the others
follow from simple to complex, and by name.
"""

from importlib import import_module
from pkgutil import iter_modules

from ml.candidates.candidate import Candidate, Parameter
from ml.candidates.design import signed_log
from ml.candidates.recency_rule import RECENCY_COLUMN, RECENCY_RULE, RecencyRule
from warehouse.errors import ContractBreach

__all__ = [
    "CANDIDATES",
    "RECENCY_COLUMN",
    "RECENCY_RULE",
    "Candidate",
    "Parameter",
    "RecencyRule",
    "candidate_named",
    "signed_log",
]


def _discover() -> tuple[Candidate, ...]:
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    found = [module.CANDIDATE for module in modules if hasattr(module, "CANDIDATE")]
    return tuple(sorted(found, key=lambda one: (one.name != RECENCY_RULE, one.complexity, one.name)))


CANDIDATES: tuple[Candidate, ...] = _discover()


def candidate_named(name: str) -> Candidate:
    """Return the candidate of that name.

    Raises
    ------
    ContractBreach
        If the registry has none.
    """
    for candidate in CANDIDATES:
        if candidate.name == name:
            return candidate
    raise ContractBreach(
        "There is no such candidate", name, f"use one of {', '.join(entry.name for entry in CANDIDATES)}"
    )
