"""The file in which a search keeps its trials; a damaged one is put aside, and the search begins anew."""

from pathlib import Path
from typing import Any


def open_study(name: str, journal: Path | None) -> Any:
    """Return the Optuna study of that name with the trials it holds already; in memory without a journal.

    A line that was cut off while it was written, by a full disk or a power cut, is dropped. A journal that
    cannot be read for another reason is kept under a name that ends in ``.damaged``: nothing but time is lost
    with it.

    Parameters
    ----------
    name : str
        Of the study.
    journal : Path, optional
        The file; it is made, with its folder, if it is not there.

    Returns
    -------
    optuna.Study
    """
    import optuna  # noqa: PLC0415 -- a second of importing, only where something is searched

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if journal is None:
        return optuna.create_study(study_name=name)
    journal.parent.mkdir(parents=True, exist_ok=True)
    _drop_half_line(journal)
    try:
        return _in_file(name, journal)
    except (ValueError, KeyError, TypeError, AssertionError):
        journal.rename(journal.with_name(f"{journal.name}.damaged"))
        return _in_file(name, journal)


def _in_file(name: str, journal: Path) -> Any:
    import optuna  # noqa: PLC0415
    from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415

    storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    return optuna.create_study(study_name=name, storage=storage, load_if_exists=True)


def _drop_half_line(journal: Path) -> None:
    content = journal.read_bytes() if journal.exists() else b""
    if content and not content.endswith(b"\n"):
        with journal.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)
