"""Answering with a list: a page as JSON, or the whole of it as a stream; validators, stamps, compression."""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from serving.access import Caller
from serving.freshness import Freshness, freshness_of, refuse_older
from serving.lists.cursors import Cursor, digest_of, make_cursor, read_cursor, run_gone, wrong_cursor
from serving.lists.formats import (
    GZIP,
    GZIP_LEVEL,
    WRITERS,
    Format,
    chosen_format,
    compressed,
    takes_gzip,
)
from serving.lists.listing import Listing
from serving.lists.streams import Stream
from serving.problems import Problem
from serving.snapshots import Snapshot, Snapshots
from warehouse.ledger import utc_now

PAGE, LARGEST_PAGE = 100, 1_000
VARY = "Accept, Accept-Encoding, Authorization"


@dataclass(frozen=True)
class Question:
    """What a caller asked for, whatever the list.

    Attributes
    ----------
    asked : mapping
        Every parameter that decides on the rows and their order; part of cursors and validators.
    limit, cursor : int or None, str or None
        Which part of it.
    max_age_hours : float or None
        Refuse an older snapshot.
    """

    asked: Mapping[str, object]
    limit: int | None = None
    cursor: str | None = None
    max_age_hours: float | None = None


@dataclass(frozen=True)
class Found:
    """A list, ready to be read.

    Attributes
    ----------
    listing : Listing
        The rows.
    key : str
        What the rows are called in a page.
    as_of_date : date, optional
        The day that the rows are about, where that is not the snapshot's.
    said : mapping
        What else the answer says: in the body of a page, and as headers of every answer.
    state : tuple
        What the answer depends on besides the run: part of the validator.
    prepare : callable, optional
        Readies a cursor before the query.
    """

    listing: Listing
    key: str
    as_of_date: date | None = None
    said: Mapping[str, object] = field(default_factory=dict)
    state: tuple[object, ...] = ()
    prepare: Callable[[Any], None] | None = None


Find = Callable[[Snapshot], Found]


async def answer_list(request: Request, caller: Caller, question: Question, find: Find) -> Response:
    """Answer with a list; whatever it holds is let go of when the answer is out, or the caller gone."""
    format_ = chosen_format(request.headers.get("accept"))
    if question.cursor is not None and not format_.is_page:
        raise wrong_cursor("Cursors are for pages of JSON; the other formats give the whole list.")
    stack = ExitStack()
    try:
        if not format_.is_page:
            stack.enter_context(request.app.state.streams.stream(caller.key_id))
        answer: Response = await request.app.state.workers.for_list(
            _begin, request, question, find, format_, stack
        )
    except BaseException:
        stack.close()
        raise
    if not isinstance(answer, Stream):
        stack.close()
    return answer


@dataclass(frozen=True)
class _Asked:
    """A question as it is being answered: where a page begins, and what cursors are bound to."""

    question: Question
    followed: Cursor | None
    digest: str
    key: bytes


def _begin(request: Request, question: Question, find: Find, format_: Format, stack: ExitStack) -> Response:
    state = request.app.state
    followed = None if question.cursor is None else read_cursor(state.cursor_key, question.cursor)
    snapshot = stack.enter_context(_reading(state.snapshots, followed))
    freshness = freshness_of(snapshot, state.settings, utc_now())
    refuse_older(freshness, question.max_age_hours)
    found = find(snapshot)
    if found.as_of_date is not None:
        freshness = replace(freshness, as_of_date=found.as_of_date.isoformat())
    digest = digest_of([request.url.path, question.asked, found.listing.columns])
    asked = _Asked(question, followed, digest, state.cursor_key)
    if followed is not None and followed.question != digest:
        raise wrong_cursor("It was made for another list, other filters or another key.")
    gzip = format_.name != "parquet" and takes_gzip(request.headers.get("accept-encoding"))
    headers = {
        **freshness.headers,
        **{_header_name(name): _header(value) for name, value in found.said.items()},
        "ETag": _etag([state.version, format_.name, gzip], freshness, found, asked),
        "Vary": VARY,
        "Cache-Control": "private, no-cache",
    }
    if _is_known(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(None, 304, headers)
    if gzip:
        headers["Content-Encoding"] = "gzip"
    if format_.is_page:
        body = _page(snapshot, freshness, found, asked)
        content = zlib.compress(body, GZIP_LEVEL, GZIP) if gzip else body
        return Response(content, 200, headers, format_.content_type)
    cursor = stack.enter_context(snapshot.cursor())
    if found.prepare is not None:
        found.prepare(cursor)
    listing = found.listing
    parts = WRITERS[format_.name](cursor, listing.columns, listing.rows(question.limit), dict(listing.values))
    parts = _limited(compressed(parts) if gzip else parts, partial(snapshot.limited, cursor))
    headers["Content-Disposition"] = f'attachment; filename="{found.key}.{format_.name}"'
    return Stream(
        parts,
        headers,
        format_.content_type,
        workers=state.workers,
        close=stack.pop_all().close,
        slow_client_seconds=state.settings.slow_client_seconds,
    )


def _reading(snapshots: Snapshots, followed: Cursor | None) -> AbstractContextManager[Snapshot]:
    return _of_run(snapshots, followed.run_id) if followed is not None else snapshots.reading()


def _of_run(snapshots: Snapshots, run_id: str) -> AbstractContextManager[Snapshot]:
    stack = ExitStack()
    try:
        snapshot = stack.enter_context(snapshots.reading(run_id))
    except Problem as problem:
        raise (run_gone(run_id) if problem.status == 404 else problem) from None
    return _Held(stack, snapshot)


class _Held(AbstractContextManager[Snapshot]):
    """A snapshot that is being read already."""

    def __init__(self, stack: ExitStack, snapshot: Snapshot) -> None:
        self._stack = stack
        self._snapshot = snapshot

    def __enter__(self) -> Snapshot:
        return self._snapshot

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _page(snapshot: Snapshot, freshness: Freshness, found: Found, asked: _Asked) -> bytes:
    limit = PAGE if asked.question.limit is None else asked.question.limit
    followed = asked.followed
    sql, values = found.listing.page(followed.after if followed else (), limit + 1)
    with snapshot.cursor() as cursor, snapshot.limited(cursor):
        if found.prepare is not None:
            found.prepare(cursor)
        rows = cursor.execute(sql, values).fetchall()
    following = None
    if len(rows) > limit:
        rows = rows[:limit]
        after = tuple(_plain(value) for value in rows[-1][1:])
        following = make_cursor(asked.key, Cursor(snapshot.run_id, asked.digest, after))
    head = {**freshness.body, **found.said, "count": len(rows), "next_cursor": following}
    texts = ",".join(row[0] for row in rows)
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "{found.key}": [{texts}]}}'.encode()


def _limited(parts: Iterator[bytes], limited: Callable[[], AbstractContextManager[None]]) -> Iterator[bytes]:
    """Yield parts, each of which may take as long as a query may."""
    while True:
        with limited():
            part = next(parts, None)
        if part is None:
            return
        if part:
            yield part


def _etag(how: list[object], freshness: Freshness, found: Found, asked: _Asked) -> str:
    what = [freshness.run_id, freshness.as_of_date, freshness.is_stale, asked.digest, *found.state]
    return f'"{digest_of([*how, *what, asked.question.limit, asked.question.cursor])}"'


def _is_known(if_none_match: str | None, etag: str) -> bool:
    known = [one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")]
    return "*" in known or etag in known


def _header_name(name: str) -> str:
    return f"Holdfast-{name.replace('_', '-').title()}"


def _header(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, (date, datetime)) else value
