"""The rows of the at-risk list for a page: the API's own query, with users as the viewer may see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import QueryParams

from serving.access import Caller
from serving.api.at_risk import AtRiskQuery, find
from serving.lists.columns import PROFILE
from serving.lists.listing import Listing
from serving.pages.remembered import remembered
from serving.pages.viewers import Viewer
from serving.snapshots import Snapshot

#: What the page's address may ask of the list; the rest (cursors, limits) is the API's alone.
FILTERS = ("tier", "value_tier", "lifecycle", "reason", "country", "entered_since")
SIZES = (25, 50, 100)
LONGEST_SEARCH = 128

#: Reasons by how many users have them, named by what their sentences have in common.
REASONS = """
with

reasons as (
    select reason_1_code as code, reason_1_sentence_en as en, reason_1_sentence_zh as zh from at_risk_users
    union all
    select reason_2_code, reason_2_sentence_en, reason_2_sentence_zh from at_risk_users
    union all
    select reason_3_code, reason_3_sentence_en, reason_3_sentence_zh from at_risk_users
    union all
    select tier_reason, tier_sentence_en, tier_sentence_zh from at_risk_users where tier_reason <> 'model'
)

select
    code,
    count(*) as users,
    mode(trim(regexp_replace(en, '[:(].*$', ''))) as name_en,
    mode(trim(regexp_replace(zh, '[:：(（].*$', ''))) as name_zh
from reasons
where code is not null
group by code
order by users desc, code
"""

COUNTRIES = """
select country, count(*) as users
from at_risk_users
where country is not null
group by country
order by users desc, country
"""


@dataclass(frozen=True)
class Asked:
    """What somebody asks of the list.

    Attributes
    ----------
    query : AtRiskQuery
        Filters and order, as the API understands them.
    search : str
        Part of a user id, or of a pseudonym.
    number, size : int
        Which page, from 1 on, and how many rows it has.
    """

    query: AtRiskQuery
    search: str = ""
    number: int = 1
    size: int = SIZES[1]

    @property
    def parameters(self) -> dict[str, object]:
        """What an address says to ask the same of the list, but for the page."""
        told = self.query.model_dump(mode="json", include={*FILTERS, "sort"}, exclude_defaults=True)
        size = {} if self.size == SIZES[1] else {"size": self.size}
        return {**told, **({"search": self.search} if self.search else {}), **size}

    @property
    def filters(self) -> int:
        """By how many things the list is cut down."""
        return len(self.parameters.keys() - {"sort", "size"})

    @property
    def is_filtered(self) -> bool:
        """Whether it asks for part of the list only."""
        return self.filters > 0


def read_address(parameters: QueryParams) -> Asked:
    """Return what an address asks for; fields that a form sends empty ask for nothing.

    Raises
    ------
    RequestValidationError
        If a value is none that the list knows.
    """
    asked: dict[str, Any] = {}
    for name, value in parameters.multi_items():
        if value == "":
            continue
        if name in FILTERS and name != "entered_since":
            asked.setdefault(name, []).append(value)
        elif name in ("entered_since", "sort"):
            asked[name] = value
    try:
        query = AtRiskQuery.model_validate(asked)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False)) from None
    size = _whole(parameters.get("size"), SIZES[1])
    return Asked(
        query,
        search=parameters.get("search", "").strip()[:LONGEST_SEARCH],
        number=max(1, _whole(parameters.get("page"), 1)),
        size=size if size in SIZES else SIZES[1],
    )


def listing_of(snapshot: Snapshot, viewer: Viewer, asked: Asked) -> Listing:
    """Return the list that is asked for: the API's, with pseudonyms for who sees no user ids."""
    person = Caller(viewer.name, f"person:{viewer.name}", frozenset({"risk:read"}), frozenset({PROFILE}))
    listing = find(snapshot, asked.query, person).listing
    values, conditions = dict(listing.values), listing.conditions
    if not viewer.sees_user_ids:
        shown = f"(select * replace ({viewer.pseudonym_sql} as user_id) from {listing.relation})"
        listing = replace(listing, relation=shown)
        values["pseudonym_salt"] = viewer.pseudonym_salt
    if asked.search:
        conditions = (*conditions, "contains(lower(user_id), lower($search))")
        values["search"] = asked.search
    return replace(listing, conditions=conditions, values=values)


def count_of(snapshot: Snapshot, listing: Listing) -> int:
    """Return how many users the list holds."""
    counted = snapshot.rows(f"select count(*) as users from ({listing.rows()})", listing.values)
    return int(counted[0]["users"])


def page_of(snapshot: Snapshot, listing: Listing, number: int, size: int) -> Sequence[Mapping[str, Any]]:
    """Return the rows of a page."""
    bounds = f" limit {size:d} offset {(number - 1) * size:d}"
    return snapshot.rows(listing.rows() + bounds, listing.values)


def reasons_of(snapshot: Snapshot) -> Sequence[Mapping[str, Any]]:
    """Return the reasons that the list can be filtered by, the commonest first."""
    return remembered(snapshot, "reasons", lambda: snapshot.rows(REASONS))


def countries_of(snapshot: Snapshot) -> Sequence[str]:
    """Return the countries that the list can be filtered by."""
    rows = remembered(snapshot, "countries", lambda: snapshot.rows(COUNTRIES))
    return [str(row["country"]) for row in rows]


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 9 else default
