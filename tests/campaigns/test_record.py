"""A day's decisions reach the ledger whole, once, and only if the day may be sent."""

from dataclasses import replace
from datetime import timedelta

import duckdb
import pytest

from tests.campaigns.published_day import DAY, NEXT_DAY, NOW, PublishedDay, chosen
from warehouse.errors import ContractBreach, DamagedFile, GateFailure, SupersededRun
from warehouse.ledger import Delivery

DESIGN = (
    "create table campaign_design as select * from (values ('recommendation', {users}, '{status}', "
    "'it would see nothing')) as design (campaign_id, users_in_audience, status, reason)"
)


def test_a_decision_becomes_an_arm_a_launch_and_a_message(any_shop: PublishedDay) -> None:
    shop = any_shop
    launches = shop.decide(chosen("u1"), chosen("u2", arm="holdout"))
    (launch,) = launches.values()
    assert (launch.state, launch.users_chosen, launch.users_treated, launch.users_held_out) == (
        "released",
        2,
        1,
        1,
    )
    assert (launch.messages_new, launch.expected_cost) == (1, 0.02)
    (message,) = shop.ledger.messages("sample_shop")
    assert message.idempotency_key == f"sample_shop:recommendation:{DAY}:u1:email"
    assert (message.state, message.user_id, message.cost) == ("pending", "u1", 0.02)
    assert {one.user_id: one.arm for one in shop.ledger.assignments("sample_shop")} == {
        "u1": "treatment",
        "u2": "holdout",
    }
    (recorded,) = shop.ledger.launches("sample_shop")
    assert (recorded.state, recorded.as_of_date) == ("released", DAY)


def test_the_payload_says_everything_but_the_address(shop: PublishedDay) -> None:
    products = (
        "create table user_recommendations as select * from (values ('u1', 'p2', 2), ('u1', 'p1', 1), "
        "('u9', 'p3', 1)) as r (user_id, product_id, recommendation_rank)"
    )
    shop.decide(chosen("u1", trigger_code="reviews"), extra=[products])
    payload = shop.payload("u1")
    assert payload["title_en"] == "Chosen for you"
    assert payload["products"] == [{"product_id": "p1"}, {"product_id": "p2"}]
    assert payload["reason_1_sentence_en"].startswith("No visit")
    assert (payload["trigger_code"], payload["stratum"], payload["currency"]) == (
        "reviews",
        "high/medium",
        "CNY",
    )
    assert not {"run_id", "user_id", "email", "phone"} & set(payload)


def test_recording_a_day_again_writes_nothing_twice(any_shop: PublishedDay) -> None:
    shop = any_shop
    rows = [chosen("u1"), chosen("u2", "win_back_coupon")]
    shop.decide(*rows)
    before = shop.ledger.messages("sample_shop"), shop.ledger.coupons("sample_shop")
    again = shop.decide(*rows, chosen("u3"))
    assert {name: launch.messages_new for name, launch in again.items()} == {
        "recommendation": 1,
        "win_back_coupon": 0,
    }
    assert {launch.changed for launch in again.values()} == {()}
    assert set(before[0]) < set(shop.ledger.messages("sample_shop"))
    assert shop.ledger.coupons("sample_shop") == before[1]


def test_an_arm_that_was_recorded_stands_whatever_is_decided_now(shop: PublishedDay) -> None:
    shop.assign("u1", "holdout", "recommendation_1", DAY - timedelta(days=40))
    launches = shop.decide(chosen("u1", arm="treatment"), chosen("u2"))
    assert launches["recommendation"].users_held_out == 1
    assert shop.states() == {"u2": "pending"}


def test_who_has_no_arm_yet_is_drawn(shop: PublishedDay) -> None:
    shop.decide(*[chosen(f"u{number}", arm=None, holdout_share=0.5) for number in range(60)])
    arms = [one.arm for one in shop.ledger.assignments("sample_shop")]
    assert 10 < arms.count("holdout") < 50
    assert len(shop.states()) == arms.count("treatment")


def test_who_is_left_alone_elsewhere_is_neither_assigned_nor_written_to(shop: PublishedDay) -> None:
    shop.assign("u1", "global_control", "global_control")
    shop.assign("u2", "holdout", "education_1", DAY - timedelta(days=29))
    shop.assign("u3", "holdout", "education_1", DAY - timedelta(days=30))
    launches = shop.decide(chosen("u1"), chosen("u2"), chosen("u3"))
    assert shop.states() == {"u3": "pending"}
    assert launches["recommendation"].reason == "left out: 2 by left alone by another experiment"
    assert len(shop.ledger.assignments("sample_shop", experiment_id="recommendation_1")) == 1


def test_the_global_control_is_recorded_once(shop: PublishedDay) -> None:
    table = (
        "create table campaign_assignments as select 'u7' as user_id, 'global_control' as experiment_id, "
        f"'global_control' as arm, 'low/low' as stratum, 0.05 as holdout_share, 'untouched' as salt, "
        f"date '{DAY}' as assigned_on, false as is_recorded"
    )
    for _ in range(2):
        shop.decide(chosen("u1"), extra=[table])
    (control,) = shop.ledger.assignments("sample_shop", experiment_id="global_control")
    assert (control.user_id, control.arm, control.assigned_on) == ("u7", "global_control", DAY)


def test_a_large_campaign_waits_for_a_person_with_a_deadline(shop: PublishedDay) -> None:
    shop.set_seed("campaign_policy", "recommendation", approval_above_users=1)
    launches = shop.decide(chosen("u1"), chosen("u2"))
    assert launches["recommendation"].state == "awaiting_approval"
    assert shop.states() == {"u1": "held", "u2": "held"}
    (waiting,) = shop.ledger.launches("sample_shop")
    assert waiting.deadline_at == NOW + timedelta(hours=shop.settings.approval_hours)


def test_a_dear_campaign_waits_for_a_person(shop: PublishedDay) -> None:
    shop.set_seed("campaign_policy", "recommendation", approval_above_cost=0.03)
    assert shop.decide(chosen("u1"))["recommendation"].state == "released"
    assert shop.decide(chosen("u1"), chosen("u2"))["recommendation"].state == "awaiting_approval"
    assert shop.states() == {"u1": "pending", "u2": "held"}


def test_an_approval_covers_a_rerun_that_is_no_larger(shop: PublishedDay) -> None:
    shop.set_seed("campaign_policy", "recommendation", approval_above_users=1)
    shop.decide(chosen("u1"), chosen("u2"))
    shop.ledger.decide_launch("sample_shop", DAY, "recommendation", "released", decided_by="ada", at=NOW)
    assert shop.decide(chosen("u1"), chosen("u3"))["recommendation"].state == "released"
    more = shop.decide(chosen("u1"), chosen("u2"), chosen("u4"))
    assert more["recommendation"].state == "awaiting_approval"
    assert shop.states() == {"u1": "pending", "u2": "pending", "u3": "pending", "u4": "held"}


def test_what_was_rejected_stays_rejected_when_the_day_is_recorded_again(shop: PublishedDay) -> None:
    shop.set_seed("campaign_policy", "recommendation", approval_above_users=1)
    shop.decide(chosen("u1"), chosen("u2"))
    shop.ledger.decide_launch("sample_shop", DAY, "recommendation", "rejected", decided_by="ada", at=NOW)
    shop.set_seed("campaign_policy", "recommendation", approval_above_users=100)
    again = shop.decide(chosen("u1"), chosen("u2"), chosen("u3"))
    assert again["recommendation"].state == "rejected"
    assert shop.states() == {"u1": "cancelled", "u2": "cancelled"}


@pytest.mark.parametrize(
    ("column", "value", "limit"),
    [
        ("maximum_audience", 3, "maximum audience"),
        ("daily_capacity", 2, "daily capacity of the campaign"),
        ("budget_per_day", 0.05, "budget per day"),
        ("budget", 0.05, "budget"),
    ],
)
def test_a_campaign_stays_within_its_limits_best_first_whatever_the_arm(
    shop: PublishedDay, column: str, value: float, limit: str
) -> None:
    changes = {"budget_per_day": value} if column == "budget" else {}
    shop.set_seed("campaign_policy", "recommendation", **changes | {column: value})
    rows = [chosen(f"u{number}", choice_rank=9 - number) for number in range(5)]
    # one held out before the limit is reached, who uses no room up, and one after it, who finds none
    rows[4]["arm"] = rows[0]["arm"] = "holdout"
    launches = shop.decide(*rows)
    assert shop.states() == {"u3": "pending", "u2": "pending"}
    assert {one.user_id for one in shop.ledger.assignments("sample_shop")} == {"u4", "u3", "u2"}
    wanted = "budget per day" if column == "budget" else limit
    assert launches["recommendation"].reason == f"left out: 2 by {wanted}"
    again = shop.decide(*rows)
    assert again["recommendation"].messages_new == 0
    assert shop.states() == {"u3": "pending", "u2": "pending"}


def test_the_budget_counts_what_earlier_days_cost(shop: PublishedDay) -> None:
    shop.set_seed("campaign_policy", "recommendation", budget=0.05, budget_per_day=0.05)
    shop.decide(chosen("u1"), chosen("u2"))
    snapshot = shop.publish([chosen("u3"), chosen("u4")], day=NEXT_DAY)
    launches = shop.record(snapshot, shop.begin(NEXT_DAY), now=NOW + timedelta(days=1))
    assert launches["recommendation"].reason == "left out: 2 by budget"
    assert set(shop.states()) == {"u1", "u2"}


def test_a_channel_carries_no_more_than_its_capacity_over_all_campaigns(shop: PublishedDay) -> None:
    shop.set_seed("contact_policy", "email", daily_capacity=3)
    rows = [chosen(f"a{number}", "win_back_coupon") for number in range(2)]
    launches = shop.decide(*rows, *[chosen(f"b{number}") for number in range(3)])
    assert launches["recommendation"].reason == "left out: 2 by daily capacity of email"
    assert set(shop.states()) == {"a0", "a1", "b0"}


def test_a_small_audience_and_a_silly_design_are_refused(shop: PublishedDay) -> None:
    shop.set_seed("campaign_policy", "recommendation", minimum_audience=3)
    refused = shop.decide(chosen("u1"), chosen("u2"))["recommendation"]
    assert (refused.state, refused.reason) == ("refused", "the audience of 2 users is smaller than 3")
    counted = shop.decide(chosen("u1"), extra=[DESIGN.format(users=2, status="sound")])["recommendation"]
    assert counted.state == "refused"
    silly = shop.decide(chosen("u1"), extra=[DESIGN.format(users=90, status="silly")])["recommendation"]
    assert silly.reason == "the design is refused: it would see nothing"
    assert shop.states() == {}
    assert shop.ledger.assignments("sample_shop") == ()
    sound = shop.decide(chosen("u1"), extra=[DESIGN.format(users=90, status="sound")])["recommendation"]
    assert sound.state == "released"


def test_a_dry_run_says_what_would_be_sent_to_whom_and_writes_nothing(any_shop: PublishedDay) -> None:
    shop = any_shop
    snapshot = shop.publish([chosen("u1", "win_back_coupon"), chosen("u2", arm="holdout")])
    launches = shop.record(snapshot, may_send=False)
    assert {launch.state for launch in launches.values()} == {"dry_run"}
    (message,) = launches["win_back_coupon"].messages
    assert (message.user_id, message.channel, message.state) == ("u1", "email", "pending")
    assert '"coupon_code"' in message.payload_json
    assert launches["recommendation"].messages == ()
    assert shop.ledger.messages("sample_shop") == shop.ledger.assignments("sample_shop") == ()
    assert shop.ledger.coupons("sample_shop") == shop.ledger.launches("sample_shop") == ()
    assert shop.ledger.coupon_budgets("sample_shop") == ()


def nothing_was_written(shop: PublishedDay) -> bool:
    written = shop.ledger.messages("sample_shop"), shop.ledger.assignments("sample_shop")
    return (*written, shop.ledger.launches("sample_shop")) == ((), (), ())


def test_only_the_newest_published_day_is_sent(shop: PublishedDay) -> None:
    older = shop.publish([chosen("u1")])
    newer = shop.publish([chosen("u1")], move_pointer=False)
    for snapshot in (older, newer):
        with pytest.raises(GateFailure, match="not the newest"):
            shop.record(snapshot)
    assert nothing_was_written(shop)


def test_a_day_that_is_not_fresh_is_not_sent(shop: PublishedDay) -> None:
    snapshot = shop.publish([chosen("u1")])
    with pytest.raises(GateFailure, match="not fresh"):
        shop.record(snapshot, now=NOW + timedelta(days=2))
    with pytest.raises(GateFailure, match="not fresh"):
        shop.record(snapshot, now=NOW - timedelta(days=2))
    shop.settings = replace(shop.settings, fresh_days=1)
    with pytest.raises(GateFailure, match="not fresh"):
        shop.record(snapshot, now=NOW + timedelta(days=1))
    assert nothing_was_written(shop)
    shop.settings = replace(shop.settings, fresh_days=2)
    assert shop.record(snapshot, now=NOW + timedelta(days=1))["recommendation"].state == "released"


def test_a_day_after_which_another_was_delivered_is_not_sent(shop: PublishedDay) -> None:
    shop.ledger.record_delivery(Delivery("d1", 1, "sample_shop", NEXT_DAY, NEXT_DAY, "accepted"), [])
    snapshot = shop.publish([chosen("u1")])
    with pytest.raises(GateFailure, match="later day"):
        shop.record(snapshot)
    assert nothing_was_written(shop)


def test_a_run_that_was_overtaken_or_works_on_the_past_sends_nothing(shop: PublishedDay) -> None:
    snapshot = shop.publish([chosen("u1")])
    older = shop.begin()
    shop.begin()
    with pytest.raises(SupersededRun):
        shop.record(snapshot, older)
    with pytest.raises(ContractBreach, match="past"):
        shop.record(snapshot, shop.begin(trigger="backfill"))
    assert nothing_was_written(shop)


def test_a_damaged_or_foreign_snapshot_is_not_sent(shop: PublishedDay) -> None:
    snapshot = shop.publish([chosen("u1")])
    with pytest.raises(ContractBreach, match="not of sample_shop"):
        shop.record(snapshot, shop.begin(NEXT_DAY), now=NOW + timedelta(days=1))
    with duckdb.connect(snapshot / "holdfast.duckdb") as connection:
        connection.execute("update campaign_actions set user_id = 'somebody else'")
    with pytest.raises(DamagedFile):
        shop.record(snapshot)
    assert nothing_was_written(shop)


def test_what_the_seed_does_not_allow_is_refused_whole(shop: PublishedDay) -> None:
    for row in (
        chosen("u2", offer_id="coupon_20"),
        chosen("u2", action="coupon"),
        chosen("u2", channel="call"),
        chosen("u2", experiment_id="another"),
        chosen("u2") | {"campaign_id": "unknown"},
    ):
        with pytest.raises(ContractBreach, match="seed"):
            shop.decide(chosen("u1", "education"), row)
    assert nothing_was_written(shop)


def test_a_snapshot_without_decisions_says_so(shop: PublishedDay) -> None:
    snapshot = shop.publish([], extra=["alter table campaign_actions drop column channel"])
    with pytest.raises(ContractBreach, match="lacks columns"):
        shop.record(snapshot)
    assert shop.record(shop.publish([])) == {}


def test_messages_wait_for_the_users_usual_hour_but_calls_do_not(shop: PublishedDay) -> None:
    shop.decide(
        chosen("u1", preferred_hour=20, time_zone="Asia/Shanghai"),
        chosen("u2", preferred_hour=1, time_zone="Asia/Shanghai"),
        chosen("u3", "service_call", preferred_hour=20),
        chosen("u4", preferred_hour=None),
    )
    hours = {one.user_id: one.not_before for one in shop.ledger.messages("sample_shop")}
    assert hours == {
        "u1": NOW.replace(hour=12),
        "u2": NOW.replace(hour=17),
        "u3": NOW,
        "u4": NOW,
    }
