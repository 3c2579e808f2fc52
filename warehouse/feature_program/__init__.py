"""The features' own SQL, compiled once, to run over the rows of a few users without dbt.

`warehouse.feature_program.compiling` makes a program and needs dbt; nothing here does.
"""

from warehouse.feature_program.context import (
    SHARED_TABLES,
    SHOP_GAPS,
    SHOP_GAPS_COLUMNS,
    FeatureContext,
    has_scoring_files,
    load_context,
    write_scoring_files,
)
from warehouse.feature_program.program import (
    FEATURES,
    PROGRAM_NAME,
    FeatureProgram,
    Model,
    Seed,
    TableShape,
    create_table,
)
from warehouse.feature_program.scratch import FeatureScratch

__all__ = [
    "FEATURES",
    "PROGRAM_NAME",
    "SHARED_TABLES",
    "SHOP_GAPS",
    "SHOP_GAPS_COLUMNS",
    "FeatureContext",
    "FeatureProgram",
    "FeatureScratch",
    "Model",
    "Seed",
    "TableShape",
    "create_table",
    "has_scoring_files",
    "load_context",
    "write_scoring_files",
]
