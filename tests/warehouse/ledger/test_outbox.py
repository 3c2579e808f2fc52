from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.warehouse.ledger.campaign_makers import DAY, LATER, NOW, message
from warehouse.ledger import Ledger, LedgerError
from warehouse.ledger.campaign_records import DeliveryAttempt
from warehouse.ledger.claim_book import PastContact, Result, Ruling


def write(ledger: Ledger, *messages):
    with ledger.writing() as connection:
        return ledger.write_messages(connection, messages)


def claim(ledger: Ledger, *users: str, worker: str = "one", minutes: int = 10) -> None:
    with ledger.writing() as connection:
        ids = [message(user).message_id for user in users]
        ledger.claim(connection, ids, worker, NOW + timedelta(minutes=minutes))


def result(user: str, state: str, outcome: str, attempt: int = 1, **more) -> Result:
    told = DeliveryAttempt(message(user).message_id, attempt, NOW, outcome, 200, "as told")
    return Result(told, state, LATER, **more)


def test_a_message_comes_back_as_it_was_written(ledger: Ledger) -> None:
    first = message(offer_id="ten_off", coupon_code="CODE", payload='{"a": "一"}')
    assert write(ledger, first).new == 1
    assert ledger.message(first.message_id) == first
    assert ledger.messages("shop", user_id="u1", state="pending") == (first,)
    assert ledger.messages("other") == ()
    with pytest.raises(LedgerError, match="no such message"):
        ledger.message("nobody")


def test_writing_a_day_again_adds_nothing(ledger: Ledger) -> None:
    messages = [message(f"u{number}") for number in range(7)]
    assert write(ledger, *messages).new == 7
    again = write(ledger, *[message(f"u{number}", run_id="20240301-000009") for number in range(9)])
    assert (again.new, again.changed) == (2, ())
    assert {one.run_id for one in ledger.messages("shop", user_id="u0")} == {"20240301-000001"}


def test_the_same_key_with_another_payload_is_refused_and_told(ledger: Ledger) -> None:
    first = message(payload='{"face_value": 10}')
    write(ledger, first)
    told = write(ledger, message(payload='{"face_value": 20}'), message("u2"))
    assert (told.new, told.changed) == (1, (first.idempotency_key,))
    assert ledger.message(first.message_id).payload_json == '{"face_value": 10}'


def test_only_what_is_due_on_the_channel_is_found_unknown_first(ledger: Ledger) -> None:
    write(
        ledger,
        message("due"),
        message("unsure", state="unknown"),
        message("held", state="held"),
        message("later", next_attempt_at=LATER),
        message("post", channel="email"),
        message("done", state="sent"),
    )
    with ledger.writing() as connection:
        found = ledger.due_messages(connection, "shop", "webhook", NOW, 10)
        assert [one.user_id for one in found] == ["unsure", "due"]
        assert len(ledger.due_messages(connection, "shop", "webhook", NOW, 1)) == 1


def test_a_claim_is_of_one_sender_and_counts_as_an_attempt(ledger: Ledger) -> None:
    write(ledger, message())
    claim(ledger, "u1")
    (claimed,) = ledger.messages("shop")
    assert (claimed.state, claimed.claimed_by, claimed.attempts) == ("claimed", "one", 1)
    with ledger.writing() as connection:
        assert ledger.due_messages(connection, "shop", "webhook", LATER, 10) == ()


def test_a_claim_that_was_held_too_long_is_unknown_and_on_the_record(ledger: Ledger) -> None:
    write(ledger, message("u1"), message("u2"))
    claim(ledger, "u1", minutes=5)
    claim(ledger, "u2", minutes=15)
    with ledger.writing() as connection:
        assert ledger.free_lost_claims(connection, "shop", ["webhook"], LATER) == 1
    lost, held = (ledger.message(message(user).message_id) for user in ("u1", "u2"))
    assert (lost.state, lost.sent_at, lost.next_attempt_at) == ("unknown", LATER, LATER)
    assert held.state == "claimed"
    assert [one.outcome for one in ledger.attempts_of(lost.message_id)] == ["unknown"]


def test_what_became_of_an_attempt_is_recorded_with_it(ledger: Ledger) -> None:
    write(ledger, message("sent"), message("later"), message("dead"))
    claim(ledger, "sent", "later", "dead")
    ledger.record_results(
        [
            result("sent", "sent", "accepted", sent_at=NOW, provider_reference="r1"),
            result("later", "pending", "try_later", failure="busy"),
            result("dead", "dead", "rejected", failure="no such number"),
        ],
        "one",
    )
    sent, later, dead = (ledger.message(message(user).message_id) for user in ("sent", "later", "dead"))
    assert (sent.state, sent.sent_at, sent.provider_reference, sent.claimed_by) == ("sent", NOW, "r1", None)
    assert (later.state, later.next_attempt_at, later.failure) == ("pending", LATER, "busy")
    assert (dead.state, dead.sent_at) == ("dead", None)
    (attempt,) = ledger.attempts_of(dead.message_id)
    assert (attempt.outcome, attempt.status_code, attempt.detail, attempt.at) == (
        "rejected",
        200,
        "as told",
        NOW,
    )


def test_a_sender_that_lost_its_claim_can_only_say_that_it_sent(ledger: Ledger) -> None:
    write(ledger, message("u1"), message("u2"))
    claim(ledger, "u1", "u2", worker="slow", minutes=1)
    with ledger.writing() as connection:
        ledger.free_lost_claims(connection, "shop", ["webhook"], LATER)
    ledger.record_results(
        [result("u1", "pending", "try_later"), result("u2", "sent", "accepted", sent_at=NOW)], "slow"
    )
    assert [one.state for one in ledger.messages("shop")] == ["unknown", "sent"]


def test_what_was_sent_stays_sent(ledger: Ledger) -> None:
    write(ledger, message())
    claim(ledger, "u1")
    ledger.record_results([result("u1", "sent", "accepted", sent_at=NOW, provider_reference="a")], "one")
    ledger.record_results([result("u1", "dead", "rejected", attempt=2)], "one")
    ledger.record_results([result("u1", "sent", "accepted", attempt=3, sent_at=LATER)], "two")
    (sent,) = ledger.messages("shop")
    assert (sent.state, sent.sent_at, sent.provider_reference) == ("sent", NOW, "a")


def test_messages_can_be_made_to_wait_or_end_unsent(ledger: Ledger) -> None:
    write(ledger, message("u1"), message("u2"))
    with ledger.writing() as connection:
        ledger.rule(
            connection,
            [
                Ruling(message("u1").message_id, "pending", "quiet_hours", LATER),
                Ruling(message("u2").message_id, "suppressed", "consent_withdrawn", NOW),
            ],
        )
    assert [(one.state, one.failure) for one in ledger.messages("shop")] == [
        ("pending", "quiet_hours"),
        ("suppressed", "consent_withdrawn"),
    ]


def test_contacts_are_what_was_may_have_been_or_is_being_sent(ledger: Ledger) -> None:
    write(
        ledger,
        message("u1", state="sent", sent_at=NOW, offer_id="o", coupon_code="c"),
        message("u1", campaign_id="b", state="unknown", sent_at=NOW),
        message("u1", campaign_id="c"),
        message("u1", campaign_id="d", state="sent", sent_at=NOW - timedelta(days=90)),
        message("u2", state="suppressed"),
    )
    claim_of = message("u1", campaign_id="c").message_id
    with ledger.writing() as connection:
        ledger.claim(connection, [claim_of], "one", LATER)
        found = ledger.contacts_since(connection, "shop", ["u1", "u2"], NOW - timedelta(days=30))
    assert set(found) == {"u1"}
    assert (
        PastContact(message("u1").message_id, "u1", "webhook", "recommendation", "o", "c", NOW) in found["u1"]
    )
    assert sorted(one.at is None for one in found["u1"]) == [False, False, True]


def test_dead_letters_are_tried_once_more_unless_they_expired(ledger: Ledger) -> None:
    write(
        ledger,
        message("a", state="dead"),
        message("b", state="dead", sent_at=NOW),
        message("c", state="dead", expires_at=NOW),
        message("d", state="suppressed"),
    )
    assert ledger.retry_dead("shop", at=LATER, message_id=message("a").message_id) == 1
    assert ledger.retry_dead("shop", at=LATER) == 1
    assert [one.state for one in ledger.messages("shop")] == ["pending", "unknown", "dead", "suppressed"]


def test_what_never_reaches_anybody_costs_nothing(ledger: Ledger) -> None:
    write(
        ledger,
        message("a", cost=2.0),
        message("b", cost=3.0, state="sent"),
        message("c", cost=5.0, state="suppressed"),
        message("d", cost=7.0, as_of_date=DAY - timedelta(days=1)),
        message("e", cost=11.0, campaign_id="other", channel="call"),
    )
    with ledger.reading() as connection:
        assert ledger.spent_on(connection, "shop", "win_back", DAY, DAY) == 5.0
        assert ledger.spent_on(connection, "shop", "win_back", DAY - timedelta(days=1), DAY) == 12.0
        assert ledger.planned_by_channel(connection, "shop", DAY) == {"webhook": 2, "call": 1}
    assert ledger.message_counts("shop", as_of_date=DAY)[DAY, "other", "call", "pending"] == 1


def test_a_transaction_that_fails_leaves_no_message(ledger: Ledger) -> None:
    with pytest.raises(sa.exc.IntegrityError), ledger.writing() as connection:
        ledger.write_messages(connection, [message()])
        connection.execute(
            sa.text("insert into delivery_attempts values ('no such', 1, :now, 'x', 1, '')"), {"now": NOW}
        )
    assert ledger.messages("shop") == ()
