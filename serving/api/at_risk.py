"""The at-risk list: filtered, sorted, page by page or whole, in four formats."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from serving.access import Caller, caller_with
from serving.api.documented import list_answer, problems
from serving.api.typed import CursorText, iso_day
from serving.lists.answers import LARGEST_PAGE, Found, Question, answer_list
from serving.lists.columns import AT_RISK
from serving.lists.formats import quoted
from serving.lists.listing import Listing, Sort, check_published, published_columns
from serving.problems import not_found
from serving.snapshots import Snapshot

router = APIRouter(tags=["lists"])

TABLE, HISTORY = "at_risk_users", "user_risk_tiers_history"
SORTS = {
    "risk_rank": Sort("risk_rank", "integer"),
    "churn_probability": Sort("churn_probability", "double", descending=True),
    "predicted_value": Sort("predicted_value", "double", descending=True),
    "expected_gain": Sort("expected_gain", "double", descending=True),
    "net_amount_365d": Sort("net_amount_365d", "double", descending=True),
    "tier_since": Sort("tier_since", "date", descending=True),
    "user_id": Sort("user_id", "varchar"),
}
Day = Annotated[date, BeforeValidator(iso_day)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
# names of countries are the shop's own; what they may not be is a text that no table holds
Country = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,64}$")]


class AtRiskQuery(BaseModel):
    """What may be asked of the list; anything else is refused."""

    model_config = ConfigDict(extra="forbid")

    tier: list[Literal["high", "medium"]] = Field([], max_length=2, description="risk tiers")
    value_tier: list[Literal["high", "medium", "low"]] = Field([], max_length=3)
    lifecycle: list[Literal["new", "active", "at_risk", "lapsing", "churned", "won_back"]] = Field(
        [], max_length=6, description="lifecycle_status"
    )
    reason: list[Code] = Field(
        [], max_length=20, description="codes: of one of the three reasons, or of what set the tier"
    )
    country: list[Country] = Field([], max_length=50, description="needs the field set profile")
    entered_since: Day | None = Field(None, description="in the tier since this day or later")
    as_of_date: Day | None = Field(None, description="a past day that the snapshot holds")
    sort: Literal[
        "risk_rank",
        "churn_probability",
        "predicted_value",
        "expected_gain",
        "net_amount_365d",
        "tier_since",
        "user_id",
    ] = Field("risk_rank", description="amounts and probabilities largest first, days newest first")
    limit: int | None = Field(None, ge=1, le=LARGEST_PAGE, description="rows: 100 in a page unless said")
    cursor: CursorText | None = Field(None, description="next_cursor of a page")
    max_age_hours: float | None = Field(None, gt=0, le=24 * 366, description="refuse an older snapshot")

    @property
    def question(self) -> Question:
        """The same, apart by what it is good for."""
        asked = self.model_dump(exclude={"limit", "cursor", "max_age_hours"}, mode="json")
        return Question(asked, self.limit, self.cursor, self.max_age_hours)


EXAMPLE = {
    "as_of_date": "2026-06-30",
    "user_id": "u0003216",
    "risk_rank": 1,
    "churn_probability": 0.982,
    "risk_tier": "high",
    "tier_since": "2026-06-28",
    "value_tier": "high",
    "reason_1_code": "days_since_last_visit",
    "reason_1_sentence_en": "No visit in the last 90 days (raises the risk)",
    "may_be_contacted": True,
}


@router.get(
    "/v1/at-risk",
    summary="The at-risk list",
    response_class=Response,
    responses={
        **list_answer("users", (*AT_RISK.risk, *AT_RISK.profile), EXAMPLE),
        **problems(304, 400, 401, 403, 404, 406, 409, 429, 503),
    },
)
async def at_risk(
    request: Request,
    caller: Annotated[Caller, Depends(caller_with("risk:read"))],
    query: Annotated[AtRiskQuery, Query()],
) -> Response:
    """Return users of high and medium risk.

    As JSON in pages, all of one run; as JSON Lines, CSV or Parquet (`Accept`) the whole list at once. In CSV
    a text that a spreadsheet would take for a formula has an apostrophe before it; the other formats hold
    every value as it is.
    """
    return await answer_list(request, caller, query.question, lambda snapshot: find(snapshot, query, caller))


def find(snapshot: Snapshot, query: AtRiskQuery, caller: Caller) -> Found:
    """Return the list that is asked for.

    Raises
    ------
    Problem
        403 for a column that the key does not see, 404 for a day that the snapshot does not hold.
    """
    published = published_columns(snapshot.manifest.tables, TABLE)
    conditions, values = _conditions(query)
    named = [column for column, _ in conditions] + [SORTS[query.sort].column]
    for column in named:
        AT_RISK.check(caller.fields, column)
        check_published(published, column)
    day = query.as_of_date or snapshot.as_of_date
    relation = TABLE if day == snapshot.as_of_date else _of_past_day(snapshot, day)
    if day != snapshot.as_of_date:
        values["as_of_date"] = day
    return Found(
        Listing(
            relation=relation,
            columns=AT_RISK.seen_by(caller.fields, published),
            sort=SORTS[query.sort],
            conditions=tuple(condition for _, condition in conditions),
            values=values,
        ),
        key="users",
        as_of_date=day,
    )


def _conditions(query: AtRiskQuery) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Return (column, condition) pairs and the values of their parameters."""
    conditions: list[tuple[str, str]] = []
    values: dict[str, Any] = {}
    among = (
        ("risk_tier", "tier", query.tier),
        ("value_tier", "value_tier", query.value_tier),
        ("lifecycle_status", "lifecycle", query.lifecycle),
        ("country", "country", query.country),
    )
    for column, name, wanted in among:
        if wanted:
            conditions.append((column, f"{column} in (select unnest(${name}::varchar[]))"))
            values[name] = list(wanted)
    if query.reason:
        codes = "(reason_1_code, reason_2_code, reason_3_code, tier_reason)"
        any_of = f"list_has_any(list_value{codes}, $reason::varchar[])"
        conditions += [("reason_1_code", any_of), ("tier_reason", "true")]
        values["reason"] = list(query.reason)
    if query.entered_since is not None:
        conditions.append(("tier_since", "tier_since >= $entered_since"))
        values["entered_since"] = query.entered_since
    return conditions, values


def _of_past_day(snapshot: Snapshot, day: date) -> str:
    """Return a past day's list, made of the history of tiers; what that does not keep is NULL."""
    held = snapshot.rows(f"select 1 from {HISTORY} where as_of_date = $day limit 1", {"day": day})
    if not held:
        raise not_found(f"The snapshot does not hold the day {day}.")
    kept = published_columns(snapshot.manifest.tables, HISTORY)
    # as the day's own list was ranked
    order = ["risk_tier = 'high' desc"]
    if {"tier_mode", "expected_gain"} <= set(kept):
        order.append("case when tier_mode = 'expected_value' then expected_gain end desc nulls last")
    order += [
        f"{column} desc nulls last" for column in ("churn_probability", "predicted_value") if column in kept
    ]
    rank = f"cast(row_number() over (order by {', '.join(order)}, user_id) as integer)"
    columns = []
    for column in snapshot.manifest.tables[TABLE].columns:
        if column.name == "risk_rank":
            columns.append(f"{rank} as risk_rank")
        elif column.name in kept:
            columns.append(quoted(column.name))
        else:
            columns.append(f"cast(null as {column.type}) as {quoted(column.name)}")
    return (
        f"(select {', '.join(columns)} from {HISTORY} "
        "where as_of_date = $as_of_date and risk_tier in ('high', 'medium'))"
    )
