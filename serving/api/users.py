"""One user's risk: score, tier and reasons, how the tier came about, what to do, and what was done."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from serving.access import Caller, caller_with
from serving.api.documented import HEADERS, problems
from serving.api.user_answer import EXAMPLE, UserRisk
from serving.contact_rights import ContactRights
from serving.freshness import freshness_of, refuse_older
from serving.lists.columns import AT_RISK, PROFILE
from serving.lists.formats import quoted
from serving.problems import not_found
from serving.snapshots import Snapshot
from warehouse.ledger import utc_now

router = APIRouter(tags=["users"])

TIERS, LIST = "user_risk_tiers", "at_risk_users"
CHANGES, ACTIONS, CONTACTS = "user_tier_changes", "campaign_actions", "campaign_trail"
# only the list words its reasons and says who may be contacted
OF_THE_LIST = (
    *("risk_rank", "tier_sentence_en", "tier_sentence_zh", "may_be_contacted"),
    *(f"reason_{place}_sentence_{language}" for place in (1, 2, 3) for language in ("en", "zh")),
)
OF_A_REASON = ("code", "value", "contribution", "sentence_en", "sentence_zh")
OF_AN_ACTION = ("campaign_id", "action", "offer_id", "trigger_code", "channel", "language")
OF_A_CONTACT = (
    *("campaign_id", "action", "channel", "handed_over_at", "opened_at", "clicked_at"),
    *("coupon_redeemed_on", "attributed_orders"),
)
ABOUT_THE_PERSON = ("channel", "language")
MOST_SHOWN = 100


@router.get(
    "/v1/users/{user_id}/risk",
    summary="One user's risk",
    response_model=UserRisk,
    responses={
        200: {
            "description": "The user's risk at the end of the day that is served.",
            "content": {"application/json": {"example": EXAMPLE}},
            "headers": {
                name: {"description": meaning, "schema": {"type": "string"}}
                for name, meaning in HEADERS.items()
            },
        },
        **problems(400, 401, 403, 404, 409, 429, 503),
    },
)
async def user_risk(
    request: Request,
    caller: Annotated[Caller, Depends(caller_with("users:read"))],
    user_id: Annotated[str, Path(min_length=1, max_length=200, description="as the shop names the user")],
    max_age_hours: Annotated[float | None, Query(gt=0, le=24 * 366, description="refuse older")] = None,
) -> Response:
    """Return what the served run says of a user; 404 for who was not scored, whyever.

    Sentences are worded for users on the at-risk list; of others they are null. There is no recommended
    action for users who are held out, or who may not be contacted as things are now.
    """
    answer: Response = await request.app.state.workers.for_one(
        answer_for, request.app.state, caller, user_id, max_age_hours
    )
    return answer


def answer_for(state: Any, caller: Caller, user_id: str, max_age_hours: float | None) -> Response:
    """Look the user up, in one snapshot."""
    with state.snapshots.reading() as snapshot:
        freshness = freshness_of(snapshot, state.settings, utc_now())
        refuse_older(freshness, max_age_hours)
        with snapshot.cursor() as cursor, snapshot.limited(cursor):
            user = User(snapshot, cursor, user_id, caller.fields or ())
            told = user.told(state.contact_rights)
        return JSONResponse({**freshness.body, **told}, headers=freshness.headers)


class User:
    """One user in one snapshot.

    Parameters
    ----------
    snapshot : Snapshot
        Says which columns there are.
    cursor : duckdb cursor
        Of the snapshot.
    user_id : str
        Whose.
    field_sets : collection of str
        What the caller sees.
    """

    def __init__(self, snapshot: Snapshot, cursor: Any, user_id: str, field_sets: Collection[str]) -> None:
        self._snapshot = snapshot
        self._cursor = cursor
        self._user_id = user_id
        self._sees_person = PROFILE in field_sets
        self._field_sets = field_sets

    def told(self, rights: ContactRights) -> dict[str, Any]:
        """Return everything that is said of the user.

        Raises
        ------
        Problem
            404 if the day's run did not score the user.
        """
        tier = self._tier()
        reasons = [
            {name: tier.pop(f"reason_{place}_{name}", None) for name in OF_A_REASON} for place in (1, 2, 3)
        ]
        rows = self._other_rows()
        action, may_be_contacted = self._action(rows[ACTIONS], rights, tier.pop("may_be_contacted", None))
        return {
            **{name: _plain(value) for name, value in tier.items()},
            "reasons": [reason for reason in reasons if reason["code"] is not None],
            "tier_history": _history(rows[CHANGES], tier),
            "may_be_contacted": may_be_contacted,
            "recommended_action": action,
            "contacts": _contacts(rows[CONTACTS]),
        }

    def _tier(self) -> dict[str, Any]:
        published = self._columns(TIERS)
        seen = AT_RISK.seen_by(self._field_sets, published)
        # run_id and as_of_date are those of the answer
        wanted = [column for column in seen if column not in ("run_id", "as_of_date", "model_version")]
        found = self._rows(TIERS, wanted)
        if not found:
            raise not_found("No user of this name was scored.")
        tier = found[0]
        listed: list[dict[str, Any]] = []
        if tier["risk_tier"] != "low":
            published = self._columns(LIST)
            listed = self._rows(LIST, [column for column in OF_THE_LIST if column in published])
        return {**tier, **dict.fromkeys(OF_THE_LIST), **(listed[0] if listed else {})}

    def _action(
        self, chosen: list[dict[str, Any]], rights: ContactRights, may_be_contacted: bool | None
    ) -> tuple[dict[str, Any] | None, bool | None]:
        """Return what is to be done, and whether the user may be contacted now."""
        treated = [row for row in chosen if row.pop("arm") == "treatment"]
        if may_be_contacted is False or not chosen:
            return None, may_be_contacted
        if not treated or self._why_not(rights, treated[0]) is not None:
            return None, False
        hidden = () if self._sees_person else ABOUT_THE_PERSON
        return {name: value for name, value in treated[0].items() if name not in hidden}, True

    def _why_not(self, rights: ContactRights, chosen: dict[str, Any]) -> str | None:
        return rights.why_not(self._user_id, chosen.get("channel"), self._snapshot.as_of_date)

    def _other_rows(self) -> dict[str, list[dict[str, Any]]]:
        """Return the user's rows of three more tables, found by one query: planning is what costs."""
        columns = {
            CHANGES: self._those_of(CHANGES, ("as_of_date", "risk_tier", "previous_risk_tier"), ()),
            ACTIONS: self._those_of(ACTIONS, ("arm",), OF_AN_ACTION),
            CONTACTS: self._those_of(CONTACTS, ("as_of_date", "handed_over_at"), self._of_a_contact),
        }
        parts = [_part(table, wanted) for table, wanted in columns.items() if wanted]
        found: dict[str, list[dict[str, Any]]] = {table: [] for table in columns}
        if parts:
            self._cursor.execute(" union all by name ".join(parts), {"user": self._user_id})
            names = [column[0] for column in self._cursor.description]
            for values in self._cursor.fetchall():
                row = dict(zip(names, values, strict=True))
                table = row["found_in"]
                found[table].append({name: row[f"{table}.{name}"] for name in columns[table]})
        return found

    @property
    def _of_a_contact(self) -> tuple[str, ...]:
        hidden = () if self._sees_person else ABOUT_THE_PERSON
        return tuple(column for column in OF_A_CONTACT if column not in hidden)

    def _those_of(self, table: str, needed: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Return the columns to ask a table for; none where it lacks one that is needed."""
        published = self._columns(table)
        if not {"user_id", *needed} <= {*published}:
            return ()
        return tuple(dict.fromkeys([*(column for column in wanted if column in published), *needed]))

    def _columns(self, table: str) -> tuple[str, ...]:
        facts = self._snapshot.manifest.tables.get(table)
        return tuple(column.name for column in facts.columns) if facts is not None else ()

    def _rows(self, table: str, columns: list[str]) -> list[dict[str, Any]]:
        if not columns:
            return []
        listed = ", ".join(map(quoted, columns))
        self._cursor.execute(f"select {listed} from {table} where user_id = $user", {"user": self._user_id})
        return [dict(zip(columns, row, strict=True)) for row in self._cursor.fetchall()]


def _part(table: str, columns: Sequence[str]) -> str:
    """Return a query for a user's rows of a table, with names that no other table's columns have."""
    listed = ", ".join(f"{quoted(column)} as {quoted(f'{table}.{column}')}" for column in columns)
    return f"select '{table}' as found_in, {listed} from {table} where user_id = $user"


def _history(rows: list[dict[str, Any]], tier: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the days on which the tier changed, newest first."""
    rows = sorted(rows, key=lambda row: row["as_of_date"], reverse=True)[:MOST_SHOWN]
    since = tier.get("tier_since")
    if since is not None and (not rows or rows[0]["as_of_date"] < since):
        # a refresh during the day changes tiers, and writes no history
        now = {"risk_tier": tier["risk_tier"], "previous_risk_tier": tier.get("previous_risk_tier")}
        rows.insert(0, {"as_of_date": since, **now})
    return [
        {
            "risk_tier": row["risk_tier"],
            "previous_risk_tier": row["previous_risk_tier"],
            "since": _plain(row["as_of_date"]),
        }
        for row in rows
    ]


def _contacts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what was sent, newest first; of what was measured on several days the newest word counts."""
    sent = [row for row in rows if row["handed_over_at"] is not None]
    measured = max((row["as_of_date"] for row in sent), default=None)
    newest = sorted(
        (row for row in sent if row.pop("as_of_date") == measured),
        key=lambda row: row["handed_over_at"],
        reverse=True,
    )
    return [{name: _plain(value) for name, value in row.items()} for row in newest[:MOST_SHOWN]]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        # published moments are UTC and do not say so
        return value.replace(tzinfo=UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value
