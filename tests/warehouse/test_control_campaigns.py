"""What the ledger knows of campaigns reaches the build file, up to the day and no later."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.warehouse.ledger.campaign_makers import DAY, LATER, NOW, assignment, coupon, launch, message
from warehouse.control_campaigns import COLUMNS, copy_campaign_facts, prepare_control_tables
from warehouse.ledger import ContactBlock, Ledger

YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    if request.param == "postgresql":
        import psycopg

        url = request.getfixturevalue("postgres_server")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("drop schema public cascade; create schema public")
    with Ledger(url) as opened:
        yield opened


def copied(ledger: Ledger, day: date = DAY, time_zone: str = "UTC") -> dict[str, list[dict[str, Any]]]:
    with duckdb.connect() as connection:
        prepare_control_tables(connection)
        counts = copy_campaign_facts(connection, ledger, "shop", day, time_zone)
        tables = {}
        for table in COLUMNS:
            rows = connection.execute(f"from control.{table}")
            names = [column[0] for column in rows.description]
            tables[table] = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
    assert counts == {table: len(rows) for table, rows in tables.items()}
    return tables


def test_all_tables_are_there_where_nothing_happened(ledger: Ledger) -> None:
    with duckdb.connect() as connection:
        prepare_control_tables(connection)
        connection.execute("insert into control.contact_blocks values ('u', 'any', 'erased', null)")
        prepare_control_tables(connection)
        kept = connection.execute("from control.contact_blocks").fetchall()
        assert kept == [("u", "any", "erased", None)]
        assert connection.execute("select count(*) from control.campaign_contacts").fetchall() == [(0,)]
    assert copied(ledger) == {table: [] for table in COLUMNS}


def test_every_fact_of_a_campaign_arrives(ledger: Ledger) -> None:
    sent = message(state="sent", sent_at=NOW, coupon_code="CODE-u1", offer_id="ten_off")
    with ledger.writing() as connection:
        ledger.record_assignments(connection, [assignment(), assignment("u2", "holdout")])
        ledger.write_messages(connection, [sent])
        issued = coupon(message_id=sent.message_id)
        ledger.issue_coupons(connection, [issued], budget=5, charge=1)
    ledger.block_contacts([ContactBlock("shop", "u3", "email", "unsubscribed", NOW - timedelta(days=1))])
    tables = copied(ledger)
    assert [row["arm"] for row in tables["campaign_assignments"]] == ["treatment", "holdout"]
    assert tables["campaign_contacts"] == [
        {
            **{"message_id": sent.message_id, "user_id": "u1", "campaign_id": "win_back"},
            **{"experiment_id": "win_back", "as_of_date": DAY, "action": "recommendation"},
            **{"offer_id": "ten_off", "channel": "webhook", "state": "sent", "coupon_code": "CODE-u1"},
            **{"cost": 0.5, "handed_over_at": NOW.replace(tzinfo=None)},
        }
    ]
    assert tables["coupons_issued"] == [
        {
            **{"coupon_code": "CODE-u1", "user_id": "u1", "campaign_id": "win_back", "period": "2024-03"},
            **{"offer_id": "ten_off", "face_value": 1.0, "currency": "EUR", "issued_on": DAY},
            "expires_on": issued.expires_on,
        }
    ]
    assert [row["user_id"] for row in tables["contact_blocks"]] == ["u3"]


def test_an_arm_knows_what_became_of_the_launch_that_it_was_drawn_for(ledger: Ledger) -> None:
    of_the_day = {"deadline_at": LATER, "run_id": "second", "campaign_id": "picks"}
    with ledger.writing() as connection:
        ledger.record_launch(connection, launch("released"))
        ledger.record_launch(connection, launch("rejected", **of_the_day))
        ledger.record_assignments(connection, [assignment(), assignment("u2", "holdout")])
        ledger.record_assignments(
            connection,
            [
                assignment("u3", experiment_id="picks", campaign_id="picks", run_id="second"),
                # the run that drew it launched another campaign
                assignment("u4", experiment_id="calls", campaign_id="calls", run_id="second"),
            ],
        )
    states = {row["user_id"]: row["launch_state"] for row in copied(ledger)["campaign_assignments"]}
    assert states == {"u1": "released", "u2": "released", "u3": "rejected", "u4": None}


def test_what_was_decided_for_later_days_is_left_out(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        later = message(as_of_date=TOMORROW)
        ledger.record_assignments(connection, [assignment(assigned_on=TOMORROW)])
        ledger.write_messages(connection, [later])
        ledger.issue_coupons(connection, [coupon(message_id=later.message_id)], budget=5, charge=1)
    before, on_the_day = copied(ledger), copied(ledger, TOMORROW)
    assert {table: len(rows) for table, rows in before.items()} == dict.fromkeys(COLUMNS, 0)
    assert [len(on_the_day[table]) for table in COLUMNS] == [1, 1, 1, 0]


def test_blocks_count_from_the_day_on_which_they_began_until_they_were_lifted(ledger: Ledger) -> None:
    began = ContactBlock("shop", "u1", "email", "unsubscribed", datetime(2024, 3, 1, 16, 30, tzinfo=UTC))
    ledger.block_contacts([began, replace(began, user_id="u2")])
    ledger.lift_blocks("shop", "u2", "email", at=LATER)

    def blocked(day: date, zone: str = "UTC") -> list[str]:
        return [row["user_id"] for row in copied(ledger, day, zone)["contact_blocks"]]

    assert blocked(YESTERDAY) == []
    assert blocked(DAY) == ["u1", "u2"]
    assert blocked(DAY, "Asia/Shanghai") == []  # there it was the next day already
    assert blocked(TOMORROW) == ["u1"]


def test_another_shop_is_not_copied(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        ledger.record_assignments(connection, [assignment(source="other")])
    assert copied(ledger)["campaign_assignments"] == []
