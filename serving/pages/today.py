"""The page of the day: tiers and what moved between them, what is at stake, warnings, gates, campaigns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from serving.pages import today_figures as figures
from serving.pages.frame import Frame, page
from serving.pages.remembered import remembered
from serving.pages.today_plots import flow_plot, mix_plot, revenue_plot
from serving.snapshots import Snapshot

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Day:
    """Everything that the page says of one run, whoever looks."""

    before: date | None
    horizon_days: int
    tiers: Sequence[figures.TierCount]
    flow: Mapping[tuple[str, str], int]
    by_value: Mapping[tuple[str, str], int]
    revenue_by_value: Sequence[Mapping[str, Any]]
    revenue_by_country: Sequence[Mapping[str, Any]]
    gates: Sequence[Mapping[str, Any]]
    deliveries: Mapping[str, Any]
    campaigns: Sequence[Mapping[str, Any]]
    alerts: Sequence[Mapping[str, Any]] | None

    @property
    def users_scored(self) -> int:
        """Users of all tiers."""
        return sum(count.users for count in self.tiers)

    @property
    def users_at_risk(self) -> int:
        """Users whom the list holds."""
        return sum(count.users for count in self.tiers if count.tier != "low")

    @property
    def revenue_at_risk(self) -> float:
        """What the loss of users would cost, weighed by how likely each is."""
        return float(sum(row["revenue_at_risk"] or 0 for row in self.revenue_by_value))

    @property
    def revenue_share(self) -> float | None:
        """Revenue at risk against the revenue if everybody stays; None where there is none."""
        if_all_stay = float(sum(row["revenue_if_staying"] or 0 for row in self.revenue_by_value))
        return self.revenue_at_risk / if_all_stay if if_all_stay else None

    @property
    def moved(self) -> Mapping[str, int]:
        """Users who went up, down, came or went since the day before."""
        ranks = {tier: rank for rank, tier in enumerate(reversed(figures.TIERS))}
        moved = {"up": 0, "down": 0, "new": 0, "gone": 0}
        for (start, end), users in self.flow.items():
            if start == figures.NEW or end == figures.GONE:
                moved["new" if start == figures.NEW else "gone"] += users
            elif start != end:
                moved["up" if ranks[end] > ranks[start] else "down"] += users
        return moved


def day_of(snapshot: Snapshot) -> Day:
    """Return the day of a run, worked out once."""

    def work_out() -> Day:
        before, horizon_days = figures.days(snapshot)
        return Day(
            before=before,
            horizon_days=horizon_days,
            tiers=figures.tier_counts(snapshot, before),
            flow=figures.tier_flow(snapshot, before),
            by_value=figures.tiers_by_value(snapshot),
            revenue_by_value=figures.revenue_at_risk(snapshot, "value_tier"),
            revenue_by_country=figures.revenue_at_risk(snapshot, "country"),
            gates=figures.gate_results(snapshot),
            deliveries=figures.deliveries(snapshot),
            campaigns=figures.campaigns_chosen(snapshot),
            alerts=figures.newest_alerts(snapshot),
        )

    return remembered(snapshot, "today", work_out)


@router.get("/")
def front(frame: Annotated[Frame, Depends(page("today"))]) -> Response:
    """Show the page of the day to whoever comes to the front door."""
    return today(frame)


@router.get("/today")
def today(frame: Annotated[Frame, Depends(page("today"))]) -> Response:
    """Show the day."""
    day = day_of(frame.snapshot)
    is_masked = not frame.person.sees_user_ids
    plots = [
        revenue_plot(frame.words, "value_tier", day.revenue_by_value, is_masked=is_masked),
        revenue_plot(frame.words, "country", day.revenue_by_country, is_masked=is_masked),
    ]
    if day.before is not None:
        plots.append(flow_plot(frame.words, day.flow, day.before, is_masked=is_masked))
    else:
        plots.append(mix_plot(frame.words, day.by_value, is_masked=is_masked))
    return frame.render("today.html", plots=plots, day=day, horizon_days=day.horizon_days)
