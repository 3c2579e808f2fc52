"""Audiences: whom a campaign treats, and the tiers; without whoever must be left alone now.

Every query here is of fixed texts; the users who are withheld come in as a table of their own.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from campaigns.policy import Policy
from campaigns.sending_rules import GOAL_DAYS_OF_OLD_EXPERIMENTS
from serving.contact_rights import REASONS, ContactRights, Withheld, place_of
from serving.lists.columns import CAMPAIGN_AUDIENCE, TIER_AUDIENCE, Fields
from serving.lists.formats import quoted
from serving.lists.listing import BY_USER, Listing, published_columns
from serving.snapshots import Snapshot

TIERS = {"high_risk": "high", "medium_risk": "medium"}
PURPOSES = ("call", "email", "push", "sms")
WITHHELD, EXPERIMENTS, MEMBERS = "withheld_now", "experiment_days", "members_before"
CHANNELS, RIGHTS = "purposes_of_channels", "user_contact_rights"
ASSIGNED = ("experiment_id", "arm", "assigned_on", "user_id")


@dataclass(frozen=True)
class Audience:
    """One audience.

    Attributes
    ----------
    name : str
        The campaign's id, or ``<tier>_risk``.
    kind : {"campaign", "tier"}
        Where its users come from.
    meaning : str
        In a sentence.
    """

    name: str
    kind: str
    meaning: str

    @property
    def table(self) -> str:
        """The published table that its users are in."""
        return "campaign_actions" if self.kind == "campaign" else "at_risk_users"

    @property
    def fields(self) -> Fields:
        """What keys see of it."""
        return CAMPAIGN_AUDIENCE if self.kind == "campaign" else TIER_AUDIENCE

    def seen_by(self, field_sets: Collection[str] | None, published: Sequence[str]) -> tuple[str, ...]:
        """Return what a key sees of it; of a tier also by which ways its users may be contacted."""
        seen = self.fields.seen_by(field_sets, published)
        return seen if self.kind == "campaign" else (*seen, "may_contact_by")


def audiences_of(policy: Policy) -> dict[str, Audience]:
    """Return every audience by name: the campaigns of the seed that are switched on, then the tiers."""
    campaigns = [
        Audience(one.campaign_id, "campaign", one.meaning)
        for one in policy.campaigns.values()
        if one.is_enabled
    ]
    tiers = [Audience(name, "tier", f"users of {tier} risk") for name, tier in TIERS.items()]
    return {one.name: one for one in (*campaigns, *tiers)}


@dataclass(frozen=True)
class Members:
    """Who is in an audience according to one snapshot, and who of them is withheld.

    Attributes
    ----------
    chosen : str
        SQL: the table's rows, with a column ``withheld_reason`` that is NULL for those who are given out.
    values : mapping
        Its parameters.
    tables : mapping
        What it needs registered, by name.
    """

    chosen: str
    values: Mapping[str, object]
    tables: Mapping[str, pa.Table]

    def prepare(self, cursor: Any) -> None:
        """Register what the queries need."""
        for name, table in self.tables.items():
            cursor.register(name, table)


def members_of(
    audience: Audience,
    snapshot: Snapshot,
    rights: ContactRights,
    withheld: Withheld,
    *,
    seen: Collection[str] = (),
    purpose: str | None = None,
) -> Members:
    """Return the rows of an audience, each with the first reason why it is not given out.

    Whoever sees by which channel a user of a campaign is to be contacted may contact by that one only, so a
    word against another channel does not count; for everybody else a word against any channel does.
    """
    manifest = snapshot.manifest.tables
    reasons = [_BLOCKED]
    values: dict[str, object] = {"name": TIERS.get(audience.name, audience.name)}
    if set(ASSIGNED) <= set(published_columns(manifest, "campaign_assignments")):
        reasons.append(_ASSIGNED)
        values["day"] = snapshot.as_of_date
    if audience.kind == "campaign":
        reasons += [_BLOCKED_FOR_ITS_CHANNEL if "channel" in seen else _BLOCKED_FOR_ANY, _NOT_TREATED]
        if rights.is_held_back(snapshot.as_of_date, audience.name):
            reasons.append(str(place_of("not_released")))
        rows = f"(select * from {audience.table} where campaign_id = $name)"
    else:
        check_offered(audience, snapshot)
        reasons.append(_NOTHING_AGREED_TO)
        values["purposes"] = list(PURPOSES) if purpose is None else [purpose]
        rows = (
            f"(select listed.*, agreed.may_contact_by from {audience.table} as listed "
            f"left join {_AGREED} as agreed using (user_id) where listed.risk_tier = $name)"
        )
    names = ", ".join(f"'{reason}'" for reason in (*REASONS, "blocked"))
    days = rights.goal_days
    return Members(
        chosen=(
            f"(select chosen.*, list_value({names})[1 + least({', '.join([*reasons, 'null'])})] "
            f"as withheld_reason from {rows} as chosen)"
        ),
        values=values,
        tables={
            WITHHELD: withheld.users,
            EXPERIMENTS: _two_columns("experiment_id", days, "goal_days", pa.int32()),
            CHANNELS: _two_columns("channel", rights.purposes, "purpose", pa.string()),
        },
    )


def check_offered(audience: Audience, snapshot: Snapshot) -> None:
    """Refuse a tier where the run does not say what its users have agreed to.

    Raises
    ------
    Problem
        503.
    """
    if not is_offered(audience, snapshot):
        published_columns({}, RIGHTS)


def is_offered(audience: Audience, snapshot: Snapshot) -> bool:
    """Say whether the run published everything that an audience is made of."""
    facts = snapshot.manifest.tables.get(RIGHTS)
    columns = set() if facts is None else {one.name for one in facts.columns}
    return audience.kind == "campaign" or {"purposes_granted", "objects_to_profiling"} <= columns


def _two_columns(key: str, values: Mapping[str, Any], name: str, kind: pa.DataType) -> pa.Table:
    return pa.table({key: pa.array(list(values), pa.string()), name: pa.array(list(values.values()), kind)})


_PLACE = f"(select min(withheld.place) from {WITHHELD} as withheld where withheld.user_id = chosen.user_id"
_BLOCKED = f"{_PLACE} and withheld.purpose is null)"
_BLOCKED_FOR_ANY = f"{_PLACE})"
_BLOCKED_FOR_ITS_CHANNEL = (
    f"(select min(withheld.place) from {WITHHELD} as withheld "
    f"left join {CHANNELS} as channels on channels.purpose = withheld.purpose "
    "where withheld.user_id = chosen.user_id "
    "and (channels.channel = chosen.channel or chosen.channel is null))"
)
_NOT_TREATED = (
    "(case chosen.arm when 'treatment' then null "
    f"when 'global_control' then {place_of('global_control')} "
    f"else {place_of('held_out')} end)"
)
_ASSIGNED = (
    f"(select min(case assigned.arm when 'global_control' then {place_of('global_control')} "
    f"else {place_of('held_out')} end) from campaign_assignments as assigned "
    f"left join {EXPERIMENTS} as experiments using (experiment_id) "
    "where assigned.user_id = chosen.user_id "
    "and (assigned.arm = 'global_control' or (assigned.arm = 'holdout' "
    f"and $day <= assigned.assigned_on + coalesce(experiments.goal_days, {GOAL_DAYS_OF_OLD_EXPERIMENTS}))))"
)
# What users agreed to by the day of the list, without what was withdrawn since.
_AGREED = (
    "(select granted.user_id, string_agg(granted.purpose, '|' order by granted.purpose) as may_contact_by "
    "from (select user_id, unnest(string_split(purposes_granted, '|')) as purpose from user_contact_rights "
    "where not objects_to_profiling "
    "and user_id in (select user_id from at_risk_users where risk_tier = $name)) as granted "
    f"anti join {WITHHELD} as withheld "
    "on withheld.user_id = granted.user_id and withheld.purpose = granted.purpose "
    "where list_contains($purposes::varchar[], granted.purpose) group by granted.user_id)"
)
_NOTHING_AGREED_TO = (
    "(case when chosen.may_contact_by is null "
    f"then coalesce({_BLOCKED_FOR_ANY}, {place_of('no_consent')}) end)"
)


def counts_of(members: Members, snapshot: Snapshot) -> tuple[int, dict[str, int]]:
    """Return how many are given out, and how many are withheld by reason."""
    with snapshot.cursor() as cursor, snapshot.limited(cursor):
        members.prepare(cursor)
        rows = cursor.execute(
            f"select withheld_reason, count(*) from {members.chosen} group by all order by all",
            members.values,
        ).fetchall()
    counted = dict(rows)
    given = counted.pop(None, 0)
    return given, counted


def whole(audience: Audience, members: Members, published: tuple[str, ...], field_sets: Any) -> Listing:
    """Return everybody who is given out."""
    return Listing(
        relation=members.chosen,
        columns=audience.seen_by(field_sets, published),
        sort=BY_USER,
        conditions=("withheld_reason is null",),
        values=members.values,
    )


def changed(listing: Listing, before: pa.Table) -> tuple[Listing, Callable[[Any], None]]:
    """Return who entered and who left since an earlier list, and what readies a cursor for it.

    Parameters
    ----------
    listing : Listing
        Everybody who is given out now.
    before : pyarrow.Table
        ``user_id`` and ``was_certain``: those who were in it; those who may have been withheld then are
        named again as having entered, since nobody knows whether the caller has them.
    """
    columns = ("change", *listing.columns)
    now = f"(select * from {listing.relation} where withheld_reason is null)"
    listed = ", ".join(f"now.{quoted(column)}" for column in listing.columns if column != "user_id")
    relation = (
        f"(select case when now.user_id is null then 'exited' else 'entered' end as change, "
        f"coalesce(now.user_id, before.user_id) as user_id{', ' if listed else ''}{listed} "
        f"from {now} as now full join {MEMBERS} as before on before.user_id = now.user_id "
        "where now.user_id is null or before.user_id is null or not before.was_certain)"
    )
    return (
        replace(listing, relation=relation, columns=columns, conditions=()),
        lambda cursor: cursor.register(MEMBERS, before),
    )


def members_before(audience: Audience, snapshot: Snapshot, uncertain: tuple[str, ...]) -> pa.Table:
    """Return who was in an audience according to an earlier snapshot, whether or not withheld since."""
    condition = (
        "campaign_id = $name and arm = 'treatment'" if audience.kind == "campaign" else "risk_tier = $name"
    )
    with snapshot.cursor() as cursor, snapshot.limited(cursor):
        cursor.execute(
            f"select user_id, not list_contains($uncertain::varchar[], user_id) as was_certain "
            f"from {audience.table} where {condition}",
            {"name": TIERS.get(audience.name, audience.name), "uncertain": list(uncertain)},
        )
        return cursor.to_arrow_table()


def said_of(given: int, withheld: Mapping[str, int], since: str | None) -> dict[str, object]:
    """Return what an answer says of who is in it and who is not; numbers, never names."""
    told: dict[str, object] = {"audience_size": given, "withheld": dict(withheld)}
    return told if since is None else {**told, "since": since}
