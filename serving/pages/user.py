"""The page of one user: why they are on the list, what they did, what was decided and sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from serving import audit
from serving.pages.frame import Frame, page
from serving.pages.language import Words
from serving.pages.user_facts import UserFacts, facts_of, find_user
from serving.pages.user_plots import history_plot, timeline_plot

LONGEST_ID = 256
NEWEST_EVENTS = 12
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Habit:
    """One figure of a user's portrait, and how it is written."""

    feature: str
    shown: Callable[[Words, Any], str]


def _count(words: Words, value: Any) -> str:
    return words.number(value, 0)


def _days(words: Words, value: Any) -> str:
    return "–" if value is None else words("users.days", count=round(value))


def _share(words: Words, value: Any) -> str:
    return words.percent(value, 0)


def _amount(words: Words, value: Any) -> str:
    return words.money(value)


#: What the user is like, from `user_features_latest`: no address, no name, no age, no gender.
HABITS = (
    Habit("days_since_last_visit", _days),
    Habit("sessions_90d", _count),
    Habit("days_since_last_paid_order", _days),
    Habit("paid_orders_365d", _count),
    Habit("order_value_mean_365d", _amount),
    Habit("purchase_gap_mean_days", _days),
    Habit("discounted_order_share_365d", _share),
    Habit("weekend_order_share_365d", _share),
    Habit("mobile_event_share_90d", _share),
    Habit("night_event_share_90d", _share),
    Habit("returns_365d", _count),
    Habit("complaints_365d", _count),
)


@router.get("/users")
def user(
    frame: Annotated[Frame, Depends(page("users"))],
    asked: Annotated[str, Query(alias="id", max_length=LONGEST_ID)] = "",
) -> Response:
    """Show a user, or the way to find one."""
    asked = asked.strip()
    if not asked:
        return frame.render("users.html", asked="", user=None)
    user_id = find_user(frame.snapshot, frame.person, asked)
    if user_id is None:
        return frame.render("users.html", status=404, asked=asked, user=None)
    facts = facts_of(frame.snapshot, user_id)
    audit.record(
        frame.request.app.state.ledger,
        actor=f"person:{frame.person.name}",
        action="user.viewed",
        # the audit names nobody: who may see ids finds the user by the pseudonym
        subject=frame.person.pseudonym(user_id),
        details={"run_id": frame.snapshot.run_id},
    )
    plots = []
    if facts.timeline:
        plots.append(timeline_plot(frame.words, facts.timeline, frame.snapshot.as_of_date))
    if facts.history:
        plots.append(history_plot(frame.words, facts.history))
    return frame.render(
        "user.html",
        plots=plots,
        user=facts,
        habits=habits_of(frame.words, facts),
        reasons=reason_bars(frame.words, facts),
        newest=[event for event in facts.timeline or () if event["kind"] != "visit"][:NEWEST_EVENTS],
    )


def habits_of(words: Words, facts: UserFacts) -> Sequence[tuple[str, str]]:
    """Return what the user is like: what each figure is called, and the figure."""
    if facts.features is None:
        return []
    return [
        (words(f"users.habit_{habit.feature}"), habit.shown(words, facts.features[habit.feature]))
        for habit in HABITS
        if facts.features.get(habit.feature) is not None
    ]


def reason_bars(words: Words, facts: UserFacts) -> Sequence[Mapping[str, Any]]:
    """Return the reasons as sentences with bars: widths in per cent of the strongest."""
    strongest = max((abs(reason["contribution"] or 0) for reason in facts.reasons), default=0)
    return [
        {
            "sentence": words.said(reason, "sentence") or str(reason["code"]).replace("_", " "),
            "contribution": words.change(reason["contribution"], 2),
            "raises": (reason["contribution"] or 0) > 0,
            "width": round(100 * abs(reason["contribution"] or 0) / strongest, 1) if strongest else 0,
        }
        for reason in facts.reasons
    ]
