"""How old what is served is, said the same way in every answer."""

from dataclasses import dataclass
from datetime import datetime

from serving.problems import Problem
from serving.settings import ServingSettings
from serving.snapshots import Snapshot


@dataclass(frozen=True)
class Freshness:
    """Which run an answer comes from, and how old that is.

    Attributes
    ----------
    age_hours : float
        Hours since the snapshot was made.
    is_stale : bool
        Whether that is more than ``HOLDFAST_STALE_HOURS``.
    """

    run_id: str
    as_of_date: str
    model_version: str | None
    published_at: str
    age_hours: float
    is_stale: bool

    @property
    def body(self) -> dict[str, str | float | bool | None]:
        """What the body of an answer says of it."""
        return {
            "run_id": self.run_id,
            "as_of_date": self.as_of_date,
            "model_version": self.model_version,
            "published_at": self.published_at,
            "age_hours": self.age_hours,
            "stale": self.is_stale,
        }

    @property
    def headers(self) -> dict[str, str]:
        """The same in headers, for answers whose body is rows only."""
        return {
            "Holdfast-Run-Id": self.run_id,
            "Holdfast-As-Of-Date": self.as_of_date,
            "Holdfast-Model-Version": self.model_version or "",
            "Holdfast-Published-At": self.published_at,
            "Holdfast-Age-Hours": f"{self.age_hours:.2f}",
            "Holdfast-Stale": "true" if self.is_stale else "false",
        }


def freshness_of(snapshot: Snapshot, settings: ServingSettings, now: datetime) -> Freshness:
    """Return how old a snapshot is."""
    hours = max(0.0, (now - snapshot.published_at).total_seconds() / 3600)
    return Freshness(
        run_id=snapshot.run_id,
        as_of_date=snapshot.as_of_date.isoformat(),
        model_version=snapshot.model_version,
        published_at=snapshot.published_at.isoformat(timespec="seconds"),
        age_hours=round(hours, 2),
        is_stale=hours > settings.stale_hours,
    )


def refuse_older(freshness: Freshness, max_age_hours: float | None) -> None:
    """Refuse to answer from a snapshot that is older than the caller takes.

    Raises
    ------
    Problem
        409, with what is served instead named.
    """
    if max_age_hours is not None and freshness.age_hours > max_age_hours:
        raise Problem(
            409,
            "too_old",
            "What is served is older than the request allows.",
            f"Run {freshness.run_id}, as of {freshness.as_of_date}, is {freshness.age_hours:g} hours old.",
            "wait for the next publish, or ask again without max_age_hours and heed `stale`",
            headers=freshness.headers | {"Retry-After": "600"},
        )
