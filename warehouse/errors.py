"""Errors that say what happened, which value was found, and what to do."""


class HoldfastError(Exception):
    """Base of every error that a person is meant to read.

    Parameters
    ----------
    what : str
        What went wrong and where (file, line or key), as a full sentence.
    value : object, optional
        The value that was found.
    remedy : str, optional
        What the reader can do about it.
    """

    def __init__(self, what: str, value: object = None, remedy: str = "") -> None:
        self.what = what
        self.value = value
        self.remedy = remedy
        found = "" if value is None else f" Found: {value!r}."
        todo = f" To do: {remedy}" if remedy else ""
        super().__init__(f"{what}{found}{todo}")

    def __reduce__(self) -> tuple[type["HoldfastError"], tuple[str, object, str]]:
        """Survive the trip between processes (Airflow serialises exceptions)."""
        return (type(self), (self.what, self.value, self.remedy))


class SettingsError(HoldfastError):
    """A setting is missing or has a value that cannot be used."""


class ContractBreach(HoldfastError):
    """Data or a declaration breaks its contract. Trying again cannot help."""


class GateFailure(HoldfastError):
    """A gate found data that must not go further. Trying again cannot help."""


class Busy(HoldfastError):
    """Somebody else holds what this needs. Trying again later helps."""


class SupersededRun(HoldfastError):
    """A newer run has taken over; this one must not write any more."""


class DamagedFile(HoldfastError):
    """A stored file fails its checksum or cannot be opened."""
