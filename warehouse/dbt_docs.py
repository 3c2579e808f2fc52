"""dbt's own pages about its project, as one file that loads nothing from elsewhere."""

import os
import shutil
from datetime import date
from pathlib import Path

from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.publish.durable import FILE_MODE, make_private_folder
from warehouse.settings import Settings


def write_docs(settings: Settings, as_of_date: date) -> Path:
    """Let dbt write its pages, with the columns that the build file has, and keep them.

    Reads the build file as its only writer would: not while a day runs.

    Parameters
    ----------
    settings : Settings
        Where the project and the build file are.
    as_of_date : date
        The day for which the pages show each model's SQL.

    Raises
    ------
    HoldfastError
        If dbt cannot read its project.
    Busy
        If another process writes the build file.
    """
    run_dbt(settings, ["docs", "generate", "--static"], dbt_vars(settings, [as_of_date]))
    kept = settings.dbt_docs
    make_private_folder(kept.parent)
    half = kept.with_suffix(".tmp")
    shutil.copyfile(settings.dbt_home / "target" / "static_index.html", half)
    half.chmod(FILE_MODE)
    os.replace(half, kept)  # noqa: PTH105  readers see the old pages or the new ones
    return kept
