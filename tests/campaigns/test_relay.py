"""The relay hands over what may go, records what became of each message, and stops for no broken channel."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.channels.channel import Message, Outcome
from campaigns.relay import RelayReport, RelayRules, pause_after
from tests.campaigns.outboxes import NOW, SOURCE, Outbox, ScriptedChannel, outbox
from warehouse.ledger import CampaignLaunch, ContactBlock

BUSY = Outcome("try_later", status_code=503, detail="the receiver answered 503")


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    with outbox(tmp_path) as made:
        yield made


def test_what_is_due_is_sent_once(box: Outbox) -> None:
    (sent,) = box.put("u1", payload='{"title_en": "Hello"}')
    channel = ScriptedChannel(lambda _: Outcome("accepted", "r-1", 202))
    report = box.relay(channel)
    (handed,) = channel.handed
    assert (handed.message_id, handed.idempotency_key, handed.attempts) == (
        sent.message_id,
        sent.idempotency_key,
        0,
    )
    assert (handed.payload, handed.address) == ({"title_en": "Hello"}, None)
    found = box.one("u1")
    assert (found.state, found.sent_at, found.provider_reference, found.attempts) == ("sent", NOW, "r-1", 1)
    (attempt,) = box.ledger.attempts_of(sent.message_id)
    assert (attempt.outcome, attempt.status_code) == ("accepted", 202)
    assert (report.sent, str(report)) == (1, "1 webhook sent")
    assert str(box.relay(channel)) == "nothing was due"
    assert len(channel.handed) == 1


def test_batch_after_batch_until_nothing_is_due(box: Outbox) -> None:
    box.put(*[f"u{number}" for number in range(120)])
    channel = ScriptedChannel()
    assert box.relay(channel, rules=RelayRules(batch=50)).sent == 120
    assert len(set(channel.users)) == 120


def test_every_message_of_a_batch_has_its_own_outcome(box: Outbox) -> None:
    box.put("ok", "bad", "busy", "lost")
    answers = {
        "ok": Outcome("accepted"),
        "bad": Outcome("rejected", status_code=422, detail="no such user"),
        "busy": BUSY,
        "lost": Outcome("unknown", detail="sent, and no answer came"),
    }
    report = box.relay(ScriptedChannel(lambda one: answers[one.user_id]))
    assert box.states() == {"ok": "sent", "bad": "dead", "busy": "pending", "lost": "unknown"}
    assert report.outcomes == {
        ("webhook", "sent"): 1,
        ("webhook", "dead"): 1,
        ("webhook", "pending"): 1,
        ("webhook", "unknown"): 1,
    }
    assert box.one("bad").failure == "no such user"
    assert box.one("lost").sent_at == NOW
    assert box.one("bad").sent_at is None


def test_what_may_have_arrived_is_tried_again_with_its_own_key(box: Outbox) -> None:
    box.put("u1")
    channel = ScriptedChannel(lambda one: Outcome("accepted" if one.attempts else "unknown"))
    box.relay(channel)
    assert box.one("u1").state == "unknown"
    box.now += timedelta(minutes=1)
    box.relay(channel)
    first, second = channel.handed
    assert first.idempotency_key == second.idempotency_key
    found = box.one("u1")
    assert (found.state, found.sent_at, found.attempts) == ("sent", box.now, 2)


def test_what_may_have_arrived_stays_unknown_while_the_receiver_is_busy(box: Outbox) -> None:
    box.put("u1")
    box.relay(ScriptedChannel(lambda _: Outcome("unknown")))
    box.now += timedelta(minutes=1)
    box.relay(ScriptedChannel(lambda _: BUSY))
    assert box.one("u1").state == "unknown"


def test_pauses_double_up_to_the_longest_and_are_the_same_when_asked_again() -> None:
    rules = RelayRules(first_pause=timedelta(seconds=30), longest_pause=timedelta(minutes=10))
    pauses = [pause_after("m1", attempt, rules).total_seconds() for attempt in range(1, 9)]
    bounds = [30, 60, 120, 240, 480, 600, 600, 600]
    assert all(bound / 2 <= pause <= bound for pause, bound in zip(pauses, bounds, strict=True))
    assert pauses == [pause_after("m1", attempt, rules).total_seconds() for attempt in range(1, 9)]
    assert len({pause_after(f"m{number}", 1, rules) for number in range(50)}) == 50
    assert pause_after("m1", 1_000, rules) <= timedelta(minutes=10)


def test_the_provider_is_left_alone_for_as_long_as_it_asks(box: Outbox) -> None:
    box.put("u1")
    box.relay(ScriptedChannel(lambda _: Outcome("try_later", retry_after_seconds=3600.0)))
    assert box.one("u1").next_attempt_at == NOW + timedelta(hours=1)
    channel = ScriptedChannel()
    box.now += timedelta(minutes=59)
    box.relay(channel)
    assert channel.handed == []
    box.now += timedelta(minutes=1)
    assert box.relay(channel).sent == 1


def test_a_message_dies_after_the_last_attempt_and_can_be_tried_by_hand(box: Outbox) -> None:
    box.put("u1")
    rules = RelayRules(most_attempts=3, first_pause=timedelta(seconds=1))
    channel = ScriptedChannel(lambda _: BUSY)
    for _ in range(5):
        box.relay(channel, rules=rules)
        box.now += timedelta(minutes=1)
    found = box.one("u1")
    assert (found.state, found.attempts, len(channel.handed)) == ("dead", 3, 3)
    assert [one.attempt for one in box.ledger.attempts_of(found.message_id)] == [1, 2, 3]
    assert box.ledger.retry_dead(SOURCE, at=box.now) == 1
    assert box.relay(ScriptedChannel(), rules=rules).sent == 1


def test_a_channel_that_takes_nothing_stops_and_the_others_go_on(box: Outbox) -> None:
    box.put(*[f"w{number}" for number in range(20)])
    box.put(*[f"p{number}" for number in range(20)], channel="push")
    box.addresses(*[(f"p{number}", None, None, f"token-{number}") for number in range(20)])
    broken = ScriptedChannel(lambda _: BUSY)
    push = ScriptedChannel(name="push")
    report = box.relay(broken, push, rules=RelayRules(batch=5))
    assert len(broken.handed) == 5
    assert report.failures == {"webhook": "the receiver answered 503"}
    assert report.outcomes["push", "sent"] == 20
    assert "webhook stopped: the receiver answered 503" in str(report)


@pytest.mark.parametrize("fault", ["raises", "tells of too few"])
def test_whatever_a_channel_does_its_messages_are_accounted_for(box: Outbox, fault: str) -> None:
    class Faulty(ScriptedChannel):
        def send(self, messages: list[Message]) -> list[Outcome]:
            if fault == "raises":
                raise RuntimeError("a secret in the text")
            return [Outcome("accepted")]

    box.put("u1", "u2")
    box.relay(Faulty())
    assert box.states() == {"u1": "unknown", "u2": "unknown"}
    assert "secret" not in (box.one("u1").failure or "")


def test_a_channel_that_is_not_configured_leaves_its_messages_waiting(box: Outbox) -> None:
    box.put("u1", channel="email")
    assert str(box.relay(ScriptedChannel())) == "nothing was due"
    assert box.states() == {"u1": "pending"}


def test_everything_is_asked_again_at_the_moment_of_sending(box: Outbox) -> None:
    box.put("fine", "blocked")
    box.put("held", arm="holdout")
    box.put("old", expires_at=NOW)
    box.ledger.block_contacts([ContactBlock(SOURCE, "blocked", "email", "unsubscribed", NOW)])
    channel = ScriptedChannel()
    report = box.relay(channel)
    assert channel.users == ["fine"]
    assert box.states() == {"fine": "sent", "blocked": "suppressed", "held": "suppressed", "old": "expired"}
    assert report.kept_back == {
        ("suppressed", "unsubscribed"): 1,
        ("suppressed", "held_out"): 1,
        ("expired", "expired"): 1,
    }
    assert box.one("blocked").failure == "unsubscribed"


def test_addresses_come_from_the_vault_at_the_last_moment(box: Outbox) -> None:
    box.put("u1", "u2", "u3", channel="sms")
    box.addresses(("u1", None, "+49 1", None), ("u2", None, "+49 2", None), ("u9", None, "+49 2", None))
    channel = ScriptedChannel(name="sms")
    box.relay(channel)
    assert [(one.user_id, one.address) for one in channel.handed] == [("u1", "+49 1")]
    assert {user: box.one(user).failure for user in ("u2", "u3")} == {
        "u2": "address_reused",
        "u3": "no_address",
    }


def test_quiet_hours_wait_and_are_kept_out_of_the_way_of_others(box: Outbox) -> None:
    box.put(*[f"n{number}" for number in range(30)], channel="sms", time_zone="Asia/Shanghai")
    box.put("day", channel="sms", next_attempt_at=NOW + timedelta(hours=2))
    box.addresses(*[(user, None, f"+1 {place}", None) for place, user in enumerate(box.states())])
    box.now += timedelta(hours=2)  # 22:00 in Shanghai
    channel = ScriptedChannel(name="sms")
    report = box.relay(channel, rules=RelayRules(batch=10))
    assert channel.users == ["day"]
    assert report.kept_back == {("pending", "quiet_hours"): 30}
    box.now = NOW + timedelta(hours=12)
    assert box.relay(channel).sent == 30


def test_launches_that_nobody_approved_expire_first(box: Outbox) -> None:
    box.put("u1", state="held")
    launch = CampaignLaunch(
        source=SOURCE,
        run_id="r",
        campaign_id="recommendation",
        as_of_date=NOW.date() - timedelta(days=1),
        experiment_id="recommendation_1",
        users_chosen=1,
        users_treated=1,
        users_held_out=0,
        expected_cost=1.0,
        state="awaiting_approval",
        deadline_at=NOW - timedelta(minutes=1),
    )
    with box.ledger.writing() as connection:
        box.ledger.record_launch(connection, launch)
    channel = ScriptedChannel()
    assert box.relay(channel).expired_launches == 1
    assert channel.handed == []
    assert box.states() == {"u1": "expired"}


def test_no_more_than_the_limit_is_looked_at(box: Outbox) -> None:
    box.put(*[f"u{number}" for number in range(9)])
    channel = ScriptedChannel()
    from campaigns.relay import relay

    report = relay(box.settings, box.ledger, {"webhook": channel}, worker="w", clock=lambda: NOW, limit=4)
    assert report.sent == len(channel.handed) == 4


def test_a_report_says_everything_in_a_sentence() -> None:
    report = RelayReport(expired_launches=2)
    report.kept_back["suppressed", "erased"] = 1_000
    assert str(report) == "1,000 suppressed (erased); 2 launches expired unapproved"


@pytest.mark.parametrize("how", ["answer lost", "relay lost"])
def test_an_e_mail_that_may_have_arrived_is_sent_again_by_a_person_only(box: Outbox, how: str) -> None:
    box.addresses(("u1", "u1@example.com", None, None))
    (written,) = box.put("u1", channel="email")
    channel = ScriptedChannel(lambda _: Outcome("unknown", detail="no answer came"), name="email")
    if how == "answer lost":
        box.relay(channel)
    else:
        with box.ledger.writing() as connection:
            box.ledger.claim(connection, [written.message_id], "killed", NOW + timedelta(minutes=1))
    box.now += timedelta(hours=5)
    assert box.relay(channel).sent == 0
    found = box.one("u1")
    assert (found.state, found.sent_at is not None) == ("dead", True), "it counts as a contact"
    assert [one.outcome for one in box.ledger.attempts_of(written.message_id)] == ["unknown"]
    assert len(channel.handed) == (1 if how == "answer lost" else 0)

    assert box.ledger.retry_dead(SOURCE, at=box.now, message_id=written.message_id) == 1
    channel.answer = lambda _: Outcome("accepted", "r-2", 250)
    assert box.relay(channel).sent == 1
    assert box.one("u1").state == "sent"
