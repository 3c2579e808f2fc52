"""What churned means: the definitions of the seed, and which one is in force."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import SettingsError

SEED = Path("seeds") / "churn_definitions.csv"
LABEL_KINDS = ("paid_order", "any_activity", "personal")


@dataclass(frozen=True)
class Definition:
    """One meaning of "churned": what is waited for, how long, and of whom it is asked.

    Attributes
    ----------
    definition_id : str
        Its name, for instance ``paid_order_90d``.
    label_kind : str
        ``paid_order`` (no paid order in the window), ``any_activity`` (nothing at all in the window) or
        ``personal`` (no paid order in the user's own window).
    horizon_days : int
        Days of the window after as_of_date; of the longest window if it is personal. A label is mature
        when they have passed.
    active_within_days : int
        The population has a paid order in this many days up to as_of_date. Who has none is churned
        already and is not scored.
    fewest_paid_days, most_paid_days : int, int or None
        The population has paid on at least and at most so many days in life.
    is_in_force : bool
        Whether it drives the tiers unless the setting HOLDFAST_DEFINITION names another.
    meaning : str
        In words.
    """

    definition_id: str
    label_kind: str
    horizon_days: int
    active_within_days: int
    fewest_paid_days: int
    most_paid_days: int | None
    is_in_force: bool
    meaning: str


def load_definitions(dbt_project: Path) -> tuple[Definition, ...]:
    """Read the seed of definitions, in the order of its lines.

    Raises
    ------
    SettingsError
        If a line cannot be used, or not exactly one is in force; the message names the line.
    """
    path = dbt_project / SEED
    with path.open(encoding="utf-8", newline="") as file:
        found = tuple(_definition(row, number) for number, row in enumerate(csv.DictReader(file), start=2))
    names = [definition.definition_id for definition in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(f"{SEED} defines a name twice", ", ".join(twice), "rename one of them")
    in_force = [definition.definition_id for definition in found if definition.is_in_force]
    if len(in_force) != 1:
        raise SettingsError(
            f"{SEED} must put exactly one definition in force",
            ", ".join(in_force) or "none",
            "set is_in_force to true on one line",
        )
    return found


def definition_in_force(definitions: Sequence[Definition], wanted_id: str = "") -> Definition:
    """Return the definition of that name, or the one that the seed puts in force.

    Raises
    ------
    SettingsError
        If there is none of that name.
    """
    for definition in definitions:
        if definition.definition_id == wanted_id or (not wanted_id and definition.is_in_force):
            return definition
    raise SettingsError(
        "HOLDFAST_DEFINITION names no definition of churn",
        wanted_id,
        f"use one of {', '.join(definition.definition_id for definition in definitions)}",
    )


def _definition(row: dict[str, str], line: int) -> Definition:
    try:
        definition = Definition(
            definition_id=row["definition_id"],
            label_kind=row["label_kind"],
            horizon_days=int(row["horizon_days"]),
            active_within_days=int(row["active_within_days"]),
            fewest_paid_days=int(row["fewest_paid_days"]),
            most_paid_days=int(row["most_paid_days"]) if row["most_paid_days"] else None,
            is_in_force=row["is_in_force"] == "true",
            meaning=row["meaning"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"{SEED}, line {line}, cannot be read", str(error), "mend the line") from error
    shortest = min(definition.horizon_days, definition.active_within_days)
    if definition.label_kind not in LABEL_KINDS or shortest < 1:
        raise SettingsError(
            f"{SEED}, line {line}, has a label kind or a window that is not known",
            f"{definition.label_kind}, {definition.horizon_days}, {definition.active_within_days}",
            f"use one of {', '.join(LABEL_KINDS)} and whole numbers of days",
        )
    return definition
