"""Reverse ETL into a real PostgreSQL that the session starts."""

import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from campaigns.lists import write_lists
from campaigns.lists.entries import COLUMNS, Entry
from campaigns.lists.reverse_etl import ReverseTable
from campaigns.lists.settings import TableSettings
from tests.campaigns.lists.makers import DAY, NOW, block, outbox_message, release, states
from warehouse.errors import Busy, ContractBreach, SettingsError
from warehouse.ledger import Ledger, Run
from warehouse.settings import Settings

CANARY = "Zq7vK2xWm9RtB4nLc8YhJ3pD"


@pytest.fixture
def url(postgres_server: str) -> Iterator[str]:
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(
            "drop schema public cascade; create schema public; drop schema if exists tools cascade"
        )
    yield postgres_server


def environment(url: str, **more: str) -> dict[str, str]:
    return {
        "HOLDFAST_REVERSE_ETL_URL": url,
        **{f"HOLDFAST_REVERSE_ETL_{name}": value for name, value in more.items()},
    }


def people(users: str, run: Run, campaign: str = "win_back_coupon", **more: Any) -> list[Any]:
    return [outbox_message(user, "table", run, campaign, **more) for user in users.split()]


def rows(url: str, columns: str = "user_id", table: str = "holdfast_campaign_audience") -> list[Any]:
    with psycopg.connect(url) as connection:
        found = connection.execute(f"select {columns} from {table} order by 1").fetchall()
    return found if "," in columns else [row[0] for row in found]


def tomorrow(ledger: Ledger) -> Run:
    return ledger.begin_run("campaigns", "shop", DAY + timedelta(days=1))


def test_the_table_is_made_with_a_comment_on_every_column(
    settings: Settings, ledger: Ledger, run: Run, url: str
) -> None:
    payload = {"face_value": 20, "products": ["P-1"]}
    release(ledger, people("u1", run, payload=payload, coupon_code="AB12"))
    (told,) = write_lists(settings, ledger, run, now=NOW, environment=environment(url))
    assert told == "table holdfast_campaign_audience: 1 rows (upsert)"
    named = "user_id, source, campaign_id, as_of_date, run_id, coupon_code, face_value, expires_on, products"
    assert rows(url, named) == [
        ("u1", "shop", "win_back_coupon", DAY, run.run_id, "AB12", 20.0, date(2026, 7, 14), '["P-1"]')
    ]
    assert rows(url, "preferred_hour, written_at") == [(20, NOW)]
    with psycopg.connect(url) as connection:
        comments = dict(
            connection.execute(
                "select attname, col_description(attrelid, attnum) from pg_attribute "
                "where attrelid = 'holdfast_campaign_audience'::regclass and attnum > 0"
            ).fetchall()
        )
    assert {name: comments[name] for name in COLUMNS} == {
        name: meaning for name, (_, meaning) in COLUMNS.items()
    }
    assert states(ledger) == {"u1": ("sent", None)}


def test_upsert_adds_and_brings_up_to_date_and_keeps_the_rest(
    settings: Settings, ledger: Ledger, run: Run, url: str
) -> None:
    release(ledger, people("a b", run))
    write_lists(settings, ledger, run, now=NOW, environment=environment(url))
    release(ledger, people("b c", later := tomorrow(ledger), payload={"risk_tier": "medium"}))
    write_lists(settings, ledger, later, now=NOW + timedelta(days=1), environment=environment(url))
    assert rows(url, "user_id, risk_tier, as_of_date") == [
        ("a", "high", DAY),
        ("b", "medium", DAY + timedelta(days=1)),
        ("c", "medium", DAY + timedelta(days=1)),
    ]


def test_mirror_holds_the_newest_audience_and_nothing_else(
    settings: Settings, ledger: Ledger, run: Run, url: str
) -> None:
    mirror = environment(url, MODE="mirror")
    release(ledger, people("a b", run) + people("r", run, "recommendation"))
    write_lists(settings, ledger, run, now=NOW, environment=mirror)
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into holdfast_campaign_audience (source, campaign_id, user_id) values ('other', 'c', 'x')"
        )
    release(ledger, people("b c", later := tomorrow(ledger)))
    write_lists(settings, ledger, later, now=NOW + timedelta(days=1), environment=mirror)
    assert rows(url) == ["b", "c", "x"]


def test_a_mirror_refuses_to_shrink_by_more_than_its_share_unless_told(
    settings: Settings, ledger: Ledger, run: Run, url: str
) -> None:
    mirror = environment(url, MODE="mirror", MOST_SHRINK="0.5")
    release(ledger, people("a b c d", run))
    write_lists(settings, ledger, run, now=NOW, environment=mirror)
    release(ledger, people("a", later := tomorrow(ledger)))
    moment = NOW + timedelta(days=1)
    with pytest.raises(ContractBreach, match="would shrink from 4 rows to 1") as caught:
        write_lists(settings, ledger, later, now=moment, environment=mirror)
    assert "--allow-shrink" in str(caught.value)
    assert rows(url) == ["a", "b", "c", "d"]
    (waiting,) = ledger.messages("shop", as_of_date=later.as_of_date)
    assert waiting.state == "pending"
    write_lists(settings, ledger, later, now=moment, environment=mirror, allow_shrink=True)
    assert rows(url) == ["a"]


@pytest.mark.parametrize(
    ("share", "left", "then"), [("0.5", 2, 2), ("0.25", 2, 4), ("1", 1, 1), ("0", 3, 4), ("0", 4, 4)]
)
def test_the_share_is_the_bound(run: Run, url: str, share: str, left: int, then: int) -> None:
    door = ReverseTable(TableSettings.from_environment(environment(url, MODE="mirror", MOST_SHRINK=share)))
    entries = [Entry.of(one) for one in people("a b c d", run)]
    door.write(run, entries, (), now=NOW)
    with nullcontext() if left == then else pytest.raises(ContractBreach):
        door.write(run, entries[:left], (), now=NOW)
    assert len(rows(url)) == then


def test_a_mirror_is_never_emptied_unless_told(ledger: Ledger, run: Run, url: str) -> None:
    settings = TableSettings.from_environment(environment(url, MODE="mirror", MOST_SHRINK="1"))
    ReverseTable(settings).write(run, [Entry.of(one) for one in people("a b", run)], (), now=NOW)
    with pytest.raises(ContractBreach, match="to 0"):
        ReverseTable(settings).write(run, [], (), now=NOW)
    assert rows(url) == ["a", "b"]
    ReverseTable(settings, allow_shrink=True).write(run, [], (), now=NOW)
    assert rows(url) == []


def test_writing_again_changes_nothing(settings: Settings, ledger: Ledger, run: Run, url: str) -> None:
    release(ledger, people("a b", run))
    write_lists(settings, ledger, run, now=NOW, environment=environment(url))
    before = rows(url, "user_id, written_at, xmin::text")
    with ledger.writing() as connection:
        # as a writer leaves it that was killed after the table and before the mark
        from warehouse.ledger.campaign_tables import outbox

        connection.execute(outbox.update().values(state="claimed", claimed_by="lists", sent_at=None))
    write_lists(settings, ledger, run, now=NOW + timedelta(hours=1), environment=environment(url))
    assert rows(url, "user_id, written_at, xmin::text") == before
    assert {state for state, _ in states(ledger).values()} == {"sent"}


@pytest.mark.parametrize("mode", ["upsert", "mirror"])
def test_who_must_be_left_alone_is_taken_out_even_on_a_day_without_news(
    settings: Settings, ledger: Ledger, run: Run, url: str, mode: str
) -> None:
    env = environment(url, MODE=mode)
    release(ledger, people("a b c d", run))
    block(ledger, "b", "email")
    write_lists(settings, ledger, run, now=NOW, environment=env)
    assert rows(url) == ["a", "c", "d"]
    block(ledger, "c", "any", "do_not_contact")
    block(ledger, "d", "sms")
    write_lists(settings, ledger, run, now=NOW, environment=env)
    assert rows(url) == ["a", "d"]
    assert states(ledger)["b"] == ("suppressed", "unsubscribed")


def test_who_must_be_left_alone_is_taken_out_with_the_next_day(
    settings: Settings, ledger: Ledger, run: Run, url: str
) -> None:
    release(ledger, people("a b c", run))
    write_lists(settings, ledger, run, now=NOW, environment=environment(url))
    block(ledger, "c", "email")
    release(ledger, people("d", later := tomorrow(ledger)))
    write_lists(settings, ledger, later, now=NOW + timedelta(days=1), environment=environment(url))
    assert rows(url) == ["a", "b", "d"]


def test_values_are_never_read_as_sql(settings: Settings, ledger: Ledger, run: Run, url: str) -> None:
    evil = ["'; drop table holdfast_campaign_audience; --", "a\tb\\n\\.", "\\N", '"x"', "{}", "%s"]
    release(ledger, [outbox_message(user, "table", run, payload={"trigger_code": user}) for user in evil])
    write_lists(settings, ledger, run, now=NOW, environment=environment(url))
    assert sorted(rows(url, "user_id, trigger_code")) == sorted((user, user) for user in evil)


@pytest.mark.parametrize("table", ["x; drop table y", 'a"b', "a.b.c", "1a", "A", "a b", "", "."])
def test_a_table_name_that_is_not_plain_is_refused(table: str) -> None:
    if table:
        with pytest.raises(SettingsError, match="HOLDFAST_REVERSE_ETL_TABLE"):
            TableSettings.from_environment({"HOLDFAST_REVERSE_ETL_TABLE": table})
    else:
        assert TableSettings.from_environment({}).table == "holdfast_campaign_audience"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("URL", f"mysql://u:{CANARY}@host/x"),
        ("MODE", "replace"),
        ("MOST_SHRINK", "2"),
        ("MOST_SHRINK", "nan"),
    ],
)
def test_other_settings_are_checked_and_the_url_is_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"HOLDFAST_REVERSE_ETL_{name}") as caught:
        TableSettings.from_environment({f"HOLDFAST_REVERSE_ETL_{name}": value})
    assert CANARY not in str(caught.value)


def test_a_table_of_another_schema_is_written_there(
    settings: Settings, ledger: Ledger, run: Run, url: str
) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create schema tools")
    release(ledger, people("a", run))
    write_lists(settings, ledger, run, now=NOW, environment=environment(url, TABLE="tools.audience"))
    assert rows(url, table="tools.audience") == ["a"]


def test_a_database_that_is_not_there_gives_the_messages_back_and_shows_no_password(
    settings: Settings, ledger: Ledger, run: Run
) -> None:
    release(ledger, people("a", run))
    nowhere = environment(f"postgresql://shop:{CANARY}@127.0.0.1:1/x?connect_timeout=2")
    with pytest.raises(Busy) as caught:
        write_lists(settings, ledger, run, now=NOW, environment=nowhere)
    assert CANARY not in str(caught.value) and CANARY not in repr(caught.value.__cause__)
    assert states(ledger)["a"][0] == "pending"


def test_a_table_that_is_not_as_we_make_it_is_left_as_it_is(
    settings: Settings, ledger: Ledger, run: Run, url: str
) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "create table holdfast_campaign_audience (source text, message_id text, user_id text, x int)"
        )
        connection.execute("insert into holdfast_campaign_audience values ('shop', 'm', 'theirs', 1)")
    release(ledger, people("a", run))
    with pytest.raises(ContractBreach, match="cannot be written"):
        write_lists(settings, ledger, run, now=NOW, environment=environment(url))
    assert rows(url) == ["theirs"]
    assert states(ledger)["a"][0] == "pending"


COUNTED = """
    select
        count(*) filter (where message_id like 'x%'),
        count(*) filter (where message_id like 'y%')
    from holdfast_campaign_audience
"""


def test_a_reader_sees_the_audience_of_before_or_of_after(ledger: Ledger, run: Run, url: str) -> None:
    door = ReverseTable(TableSettings.from_environment(environment(url, MODE="mirror", MOST_SHRINK="1")))
    audiences = [
        [
            Entry.of(replace(one, message_id=f"{name}{number}"))
            for number, one in enumerate(people(users, run))
        ]
        for name, users in (
            ("x", " ".join(f"u{n}" for n in range(40))),
            ("y", " ".join(f"u{n}" for n in range(20, 80))),
        )
    ]
    door.write(run, audiences[0], (), now=NOW)
    seen: set[tuple[int, int]] = set()
    stop = threading.Event()

    def read() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.is_set():
                (row,) = connection.execute(COUNTED).fetchall()
                seen.add(row)

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(1, 12):
        door.write(run, audiences[turn % 2], (), now=NOW + timedelta(minutes=turn))
    stop.set()
    reader.join()
    assert len(seen) == 2
    assert seen == {(40, 0), (0, 60)}
