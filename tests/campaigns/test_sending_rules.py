"""May this message go now? Every rule, with the moment at which it lets go."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.policy import Policy, load_policy
from campaigns.sending_rules import GO, Facts, Verdict, may_send
from tests.warehouse.ledger.campaign_makers import assignment, message
from warehouse.ledger import ContactBlock, OutboxMessage
from warehouse.ledger.claim_book import PastContact
from warehouse.settings import REPOSITORY
from warehouse.vault import Address

NOW = datetime(2026, 6, 30, 12, 0, tzinfo=UTC)
ASSIGNED = Facts(arm="treatment")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(REPOSITORY / "dbt_project")


def letter(**changes) -> OutboxMessage:
    values = {
        "channel": "email",
        "experiment_id": "recommendation_1",
        "offer_id": "picks_for_you",
        "not_before": NOW - DAY,
        "next_attempt_at": NOW - DAY,
        "expires_at": NOW + 3 * DAY,
    }
    return message(**values | changes)


def past(hours_ago: float | None, **changes) -> PastContact:
    at = None if hours_ago is None else NOW - hours_ago * HOUR
    return replace(PastContact("other", "u1", "push", "recommendation", None, None, at), **changes)


def coupon_before(days_ago: float) -> PastContact:
    return past(24 * days_ago, action="coupon", offer_id="coupon_20", coupon_code="C")


def after(*contacts: PastContact) -> Facts:
    return replace(ASSIGNED, contacts=contacts)


def test_a_message_that_nothing_forbids_goes(policy: Policy) -> None:
    assert may_send(letter(), ASSIGNED, policy, NOW) == GO


def test_a_message_whose_time_has_passed_expires(policy: Policy) -> None:
    assert may_send(letter(expires_at=NOW), ASSIGNED, policy, NOW) == Verdict("expire", "expired")


@pytest.mark.parametrize(("arm", "reason"), [("holdout", "held_out"), (None, "not_assigned")])
def test_only_the_treated_are_reached(policy: Policy, arm: str | None, reason: str) -> None:
    assert may_send(letter(), Facts(arm=arm), policy, NOW) == Verdict("suppress", reason)


def test_the_global_control_is_never_reached(policy: Policy) -> None:
    control = assignment(
        "u1", "global_control", experiment_id="global_control", assigned_on=NOW.date() - 900 * DAY
    )
    facts = replace(ASSIGNED, left_alone=[control])
    assert may_send(letter(), facts, policy, NOW) == Verdict("suppress", "global_control")


@pytest.mark.parametrize(
    ("experiment", "days", "held"),
    [
        ("education_1", 30, True),
        ("education_1", 31, False),
        ("long_gone", 90, True),
        ("long_gone", 91, False),
    ],
)
def test_who_is_held_out_elsewhere_is_left_alone_until_the_goal_has_passed(
    policy: Policy, experiment: str, days: int, held: bool
) -> None:
    alone = assignment("u1", "holdout", experiment_id=experiment, assigned_on=NOW.date() - days * DAY)
    found = may_send(letter(), replace(ASSIGNED, left_alone=[alone]), policy, NOW)
    assert found == (Verdict("suppress", "held_out") if held else GO)


@pytest.mark.parametrize(
    ("purpose", "reason", "blocked"),
    [
        ("email", "consent_withdrawn", True),
        ("email", "unsubscribed", True),
        ("any", "erased", True),
        ("any", "do_not_contact", True),
        ("profiling", "consent_withdrawn", True),
        ("sms", "consent_withdrawn", False),
    ],
)
def test_a_standing_block_of_the_purpose_or_of_everything_stops_it(
    policy: Policy, purpose: str, reason: str, blocked: bool
) -> None:
    facts = replace(ASSIGNED, blocks=[ContactBlock("shop", "u1", purpose, reason, NOW)])
    assert may_send(letter(), facts, policy, NOW) == (Verdict("suppress", reason) if blocked else GO)


@pytest.mark.parametrize("problem", ["no_address", "address_reused"])
def test_without_an_address_of_the_users_own_nothing_goes(policy: Policy, problem: str) -> None:
    facts = replace(ASSIGNED, address=Address(None, problem))
    assert may_send(letter(), facts, policy, NOW) == Verdict("suppress", problem)
    assert may_send(letter(), replace(ASSIGNED, address=Address("a@b")), policy, NOW) == GO


def test_hours_between_contacts_of_any_channel_are_kept(policy: Policy) -> None:
    found = may_send(letter(), after(past(3.0)), policy, NOW)
    assert found == Verdict("wait", "quiet_hours", datetime(2026, 7, 1, 6, 0, tzinfo=UTC))
    in_the_day = may_send(letter(), after(past(10.0)), policy, NOW)
    assert in_the_day == Verdict("wait", "contacted_recently", NOW + 6 * HOUR)
    assert may_send(letter(), after(past(16.0)), policy, NOW) == GO


def test_hours_between_contacts_of_one_channel_are_kept(policy: Policy) -> None:
    text = letter(channel="sms")
    assert may_send(text, after(past(20.0, channel="sms")), policy, NOW).until == NOW + 4 * HOUR
    assert may_send(text, after(past(20.0, channel="email")), policy, NOW) == GO


def test_what_is_being_sent_counts_as_sent_now(policy: Policy) -> None:
    found = may_send(letter(), after(past(None)), policy, NOW)
    assert (found.kind, found.until) == ("wait", datetime(2026, 7, 1, 6, 0, tzinfo=UTC))


@pytest.mark.parametrize(("days_ago", "goes"), [(29, False), (30, True)])
def test_one_offer_in_thirty_days(policy: Policy, days_ago: int, goes: bool) -> None:
    # another offer that gives something away; not a coupon of the long cool-down
    before = past(24.0 * days_ago, offer_id="coupon_20", coupon_code="C")
    giving = letter(offer_id="coupon_20", coupon_code="D")
    found = may_send(giving, after(before), policy, NOW)
    assert found == (GO if goes else replace(found, kind="wait", reason="offer_cap"))
    assert may_send(letter(), after(before), policy, NOW) == GO


@pytest.mark.parametrize(("days_ago", "found"), [(89, "suppress"), (90, "go")])
def test_coupons_cool_down_for_ninety_days(policy: Policy, days_ago: int, found: str) -> None:
    coupon = letter(action="coupon", offer_id="coupon_20", coupon_code="D", expires_at=NOW + HOUR)
    assert may_send(coupon, after(coupon_before(days_ago)), policy, NOW).kind == found


def test_a_wait_that_outlasts_the_message_is_a_suppression(policy: Policy) -> None:
    coupon = letter(action="coupon", offer_id="coupon_20", coupon_code="D")
    assert may_send(coupon, after(coupon_before(10)), policy, NOW) == Verdict("suppress", "coupon_cool_down")


@pytest.mark.parametrize(
    ("zone", "hour_utc", "goes_at"),
    [
        ("Asia/Shanghai", 12, datetime(2026, 6, 30, 12, tzinfo=UTC)),  # 20:00 there
        ("Asia/Shanghai", 13, datetime(2026, 7, 1, 0, tzinfo=UTC)),  # 21:00: tomorrow at 8:00
        ("Asia/Shanghai", 23, datetime(2026, 7, 1, 0, tzinfo=UTC)),  # 7:00: in an hour
        ("America/New_York", 11, datetime(2026, 6, 30, 12, tzinfo=UTC)),  # 7:00
        ("America/New_York", 12, datetime(2026, 6, 30, 12, tzinfo=UTC)),  # 8:00
    ],
)
def test_text_messages_go_by_the_users_own_clock(
    policy: Policy, zone: str, hour_utc: int, goes_at: datetime
) -> None:
    now = datetime(2026, 6, 30, hour_utc, tzinfo=UTC)
    found = may_send(letter(channel="sms", time_zone=zone), ASSIGNED, policy, now)
    assert (found == GO) == (goes_at == now)
    assert found.until in (None, goes_at)


def test_the_night_the_clocks_change_is_as_quiet_as_any(policy: Policy) -> None:
    # in New York the clocks jump from 2:00 to 3:00 on 8 March 2026: 8:00 is an hour earlier in UTC
    night = datetime(2026, 3, 8, 5, 0, tzinfo=UTC)
    text = letter(channel="sms", time_zone="America/New_York", not_before=night, expires_at=night + 3 * DAY)
    assert may_send(text, ASSIGNED, policy, night).until == datetime(2026, 3, 8, 12, 0, tzinfo=UTC)


def test_the_most_contacts_in_thirty_days_are_of_the_users_calendar(policy: Policy) -> None:
    # four texts in 30 days; the first was sent at 23:30 in Shanghai, which there is still the 1st of June
    times = [datetime(2026, 6, day, 15, 30, tzinfo=UTC) for day in (1, 8, 15, 22)]
    contacts = [past(0.0, channel="sms", at=at) for at in times]
    text = letter(channel="sms", time_zone="Asia/Shanghai")
    now = datetime(2026, 6, 30, 10, 0, tzinfo=UTC)
    found = may_send(text, after(*contacts), policy, now)
    assert found.kind == "wait"
    # the 1st leaves the window with the 1st of July, which begins at 16:00 UTC; then the night is quiet
    assert found.until == datetime(2026, 7, 1, 0, 0, tzinfo=UTC)


def test_not_before_its_own_moment(policy: Policy) -> None:
    found = may_send(letter(not_before=NOW + HOUR), ASSIGNED, policy, NOW)
    assert found == Verdict("wait", "not_before", NOW + HOUR)


@given(
    hours=st.lists(st.floats(0, 24 * 40), max_size=8),
    channel=st.sampled_from(["email", "sms", "push", "call", "webhook"]),
    zone=st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe"]),
    minute=st.integers(0, 60 * 24 * 2),
)
def test_whoever_waits_as_long_as_was_said_may_go_then(
    hours: list[float], channel: str, zone: str, minute: int
) -> None:
    policy = load_policy(REPOSITORY / "dbt_project")
    now = NOW + timedelta(minutes=minute)
    facts = after(*(past(at, channel=channel) for at in hours))
    text = letter(channel=channel, time_zone=zone, expires_at=now + 60 * DAY)
    found = may_send(text, facts, policy, now)
    assert found.kind in ("go", "wait")
    if found.until is not None:
        assert found.until > now
        assert may_send(text, facts, policy, found.until) == GO
        assert may_send(text, facts, policy, found.until - timedelta(seconds=1)) != GO
