"""One user's risk: score, tier and reasons, how the tier came about, what to do, and what was done."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
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
from serving.lists.together import Together
from serving.problems import Problem, not_found
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
    answer: Response = await request.app.state.users.ask(
        Question(user_id, caller.fields or (), max_age_hours)
    )
    return answer


@dataclass(frozen=True)
class Question:
    """Who is asked about, what the caller sees, and how old the answer may be."""

    user_id: str
    field_sets: Collection[str]
    max_age_hours: float | None = None


def users_together(state: Any) -> "Together[Question, Response]":
    """Return what answers questions about users, with an app's state."""
    return Together(state.workers.single, partial(answers_to, state))


def answers_to(state: Any, questions: Sequence[Question]) -> list[Response | Exception]:
    """Look users up, all in one snapshot; a problem in place of the answer where there is none."""
    with state.snapshots.reading() as snapshot:
        freshness = freshness_of(snapshot, state.settings, utc_now())
        with snapshot.cursor() as cursor, snapshot.limited(cursor):
            rows = rows_of_users(snapshot, cursor, questions)
        answers: list[Response | Exception] = []
        for question in questions:
            try:
                refuse_older(freshness, question.max_age_hours)
                told = User(snapshot, rows, question).told(state.contact_rights)
                answers.append(JSONResponse({**freshness.body, **told}, headers=freshness.headers))
            except Problem as problem:
                answers.append(problem)
        return answers


class User:
    """One user in one snapshot.

    Parameters
    ----------
    snapshot : Snapshot
        Says which columns there are.
    rows : mapping
        From `rows_of_users`.
    question : Question
        Whose rows, and what the caller sees of them.
    """

    def __init__(self, snapshot: Snapshot, rows: "RowsOfUsers", question: Question) -> None:
        self._snapshot = snapshot
        self._rows = {table: found.get(question.user_id, []) for table, found in rows.items()}
        self._user_id = question.user_id
        self._field_sets = question.field_sets
        self._hidden = () if PROFILE in question.field_sets else ABOUT_THE_PERSON

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
        action, may_be_contacted = self._action(rights, tier.pop("may_be_contacted", None))
        return {
            **{name: _plain(value) for name, value in tier.items()},
            "reasons": [reason for reason in reasons if reason["code"] is not None],
            "tier_history": _history(self._rows[CHANGES], tier),
            "may_be_contacted": may_be_contacted,
            "recommended_action": action,
            "contacts": _contacts(self._rows[CONTACTS], self._hidden),
        }

    def _tier(self) -> dict[str, Any]:
        if not self._rows[TIERS]:
            raise not_found("No user of this name was scored.")
        seen = _seen_of_a_tier(self._snapshot, self._field_sets)
        tier = {column: self._rows[TIERS][0][column] for column in seen}
        listed = self._rows[LIST][0] if self._rows[LIST] and tier["risk_tier"] != "low" else {}
        return {**tier, **dict.fromkeys(OF_THE_LIST), **listed}

    def _action(
        self, rights: ContactRights, may_be_contacted: bool | None
    ) -> tuple[dict[str, Any] | None, bool | None]:
        """Return what is to be done, and whether the user may be contacted now."""
        chosen = self._rows[ACTIONS]
        treated = [row for row in chosen if row["arm"] == "treatment"]
        if may_be_contacted is False or not chosen:
            return None, may_be_contacted
        if not treated or self._why_not(rights, treated[0]) is not None:
            return None, False
        hidden = {"arm", *self._hidden}
        return {name: value for name, value in treated[0].items() if name not in hidden}, True

    def _why_not(self, rights: ContactRights, chosen: dict[str, Any]) -> str | None:
        return rights.why_not(self._user_id, chosen.get("channel"), self._snapshot.as_of_date)


RowsOfUsers = Mapping[str, Mapping[str, list[dict[str, Any]]]]


def rows_of_users(snapshot: Snapshot, cursor: Any, questions: Sequence[Question]) -> RowsOfUsers:
    """Return the rows of users by table and user: their tiers first, then those of four tables at once."""
    users = list(dict.fromkeys(question.user_id for question in questions))
    field_sets = {name for question in questions for name in question.field_sets}
    wanted = {
        LIST: _columns_of(snapshot, LIST, (), OF_THE_LIST),
        CHANGES: _columns_of(snapshot, CHANGES, ("as_of_date", "risk_tier", "previous_risk_tier"), ()),
        ACTIONS: _columns_of(snapshot, ACTIONS, ("arm",), OF_AN_ACTION),
        CONTACTS: _columns_of(snapshot, CONTACTS, ("as_of_date", "handed_over_at"), OF_A_CONTACT),
    }
    tiers = {TIERS: tuple(_seen_of_a_tier(snapshot, field_sets))}
    return {**_found(cursor, tiers, users), **_found(cursor, wanted, users)}


def _found(cursor: Any, columns: Mapping[str, Sequence[str]], user_ids: Sequence[str]) -> RowsOfUsers:
    """Return rows of tables by user, found by one query; nothing of a table of which nothing is wanted."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {table: {} for table in columns}
    values = {f"user_{place}": user_id for place, user_id in enumerate(user_ids)}
    listed = ", ".join(f"${name}" for name in values)
    parts = [_part(table, wanted, listed) for table, wanted in columns.items() if wanted]
    if not parts:
        return found
    cursor.execute(" union all by name ".join(parts), values)
    names = [column[0] for column in cursor.description]
    for answer in cursor.fetchall():
        row = dict(zip(names, answer, strict=True))
        table = row["found_in"]
        of_the_user = found[table].setdefault(row["user_id"], [])
        of_the_user.append({name: row[f"{table}.{name}"] for name in columns[table]})
    return found


def _part(table: str, columns: Sequence[str], user_ids: str) -> str:
    """Return a query for users' rows of a table, with names that no other table's columns have."""
    listed = ", ".join(f"{quoted(column)} as {quoted(f'{table}.{column}')}" for column in columns)
    return f"select '{table}' as found_in, user_id, {listed} from {table} where user_id in ({user_ids})"


def _seen_of_a_tier(snapshot: Snapshot, field_sets: Collection[str]) -> list[str]:
    """Return the columns of the tiers that a caller sees; run and day are those of the answer."""
    seen = AT_RISK.seen_by(field_sets, _published(snapshot, TIERS))
    return [column for column in seen if column not in ("run_id", "as_of_date", "model_version")]


def _columns_of(
    snapshot: Snapshot, table: str, needed: tuple[str, ...], wanted: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the columns to ask a table for; none where it lacks one that is needed."""
    published = _published(snapshot, table)
    if not {"user_id", *needed} <= {*published}:
        return ()
    return tuple(dict.fromkeys([*(column for column in wanted if column in published), *needed]))


def _published(snapshot: Snapshot, table: str) -> tuple[str, ...]:
    facts = snapshot.manifest.tables.get(table)
    return tuple(column.name for column in facts.columns) if facts is not None else ()


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


def _contacts(rows: list[dict[str, Any]], hidden: Collection[str]) -> list[dict[str, Any]]:
    """Return what was sent, newest first; of what was measured on several days the newest word counts."""
    sent = [row for row in rows if row["handed_over_at"] is not None]
    measured = max((row["as_of_date"] for row in sent), default=None)
    newest = sorted(
        (row for row in sent if row["as_of_date"] == measured),
        key=lambda row: row["handed_over_at"],
        reverse=True,
    )
    untold = {"as_of_date", *hidden}
    return [
        {name: _plain(value) for name, value in row.items() if name not in untold}
        for row in newest[:MOST_SHOWN]
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        # published moments are UTC and do not say so
        return value.replace(tzinfo=UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value
