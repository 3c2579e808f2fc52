from dataclasses import replace
from datetime import timedelta

import pytest

from tests.warehouse.ledger.campaign_makers import DAY, LATER, NOW, assignment, coupon, launch, message
from warehouse.ledger import ContactBlock, Ledger, LedgerError

BLOCK = ContactBlock("shop", "u1", "email", "consent_withdrawn", NOW)


def test_who_has_an_arm_keeps_it(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        assert ledger.record_assignments(connection, [assignment("u1"), assignment("u2", "holdout")]) == 2
        again = [assignment("u1", "holdout", salt="new"), assignment("u3")]
        assert ledger.record_assignments(connection, again) == 1
        arms = ledger.arms_of(connection, "shop", "win_back", ["u1", "u2", "u3", "u4"])
    assert arms == {"u1": "treatment", "u2": "holdout", "u3": "treatment"}
    assert ledger.assignments("shop", user_id="u1") == (assignment("u1"),)
    assert len(ledger.assignments("shop", experiment_id="win_back")) == 3


def test_users_left_alone_are_found_whatever_the_experiment(ledger: Ledger) -> None:
    control = assignment("u2", "global_control", experiment_id="global_control")
    held = assignment("u2", "holdout", experiment_id="another")
    with ledger.writing() as connection:
        ledger.record_assignments(connection, [assignment("u1"), control, held])
        found = ledger.left_alone(connection, "shop", ["u1", "u2"])
    assert set(found) == {"u2"}
    assert set(found["u2"]) == {control, held}


def recorded(ledger: Ledger, *launches) -> None:
    with ledger.writing() as connection:
        for one in launches:
            ledger.record_launch(connection, one)
        ledger.write_messages(connection, [message("a", state="held"), message("b", state="sent")])


def states(ledger: Ledger) -> list[str]:
    return [one.state for one in ledger.messages("shop")]


def test_a_release_lets_the_held_messages_go(ledger: Ledger) -> None:
    recorded(ledger, launch())
    (released,) = ledger.decide_launch("shop", DAY, "win_back", "released", decided_by="ada", at=LATER)
    assert (released.state, released.decided_by, released.decided_at) == ("released", "ada", LATER)
    assert states(ledger) == ["pending", "sent"]
    assert ledger.decide_launch("shop", DAY, "win_back", "released", decided_by="bob", at=LATER) == ()


def test_what_is_rejected_is_never_sent(ledger: Ledger) -> None:
    recorded(ledger, launch(reason="large"))
    (rejected,) = ledger.decide_launch(
        "shop", DAY, "win_back", "rejected", decided_by="ada", at=LATER, reason="too dear"
    )
    assert (rejected.state, rejected.reason) == ("rejected", "large; too dear")
    assert states(ledger) == ["cancelled", "sent"]
    with pytest.raises(LedgerError, match="waits for a decision"):
        ledger.decide_launch("shop", DAY, "win_back", "released", decided_by="ada", at=LATER)


def test_an_approval_after_the_deadline_sends_nothing(ledger: Ledger) -> None:
    recorded(ledger, launch(deadline_at=NOW))
    with pytest.raises(LedgerError, match="too late"):
        ledger.decide_launch("shop", DAY, "win_back", "released", decided_by="ada", at=LATER)
    assert states(ledger) == ["expired", "sent"]
    assert [one.state for one in ledger.launches("shop")] == ["expired"]


def test_a_deadline_that_passes_expires_the_launch(ledger: Ledger) -> None:
    recorded(ledger, launch(deadline_at=NOW), launch(campaign_id="other"))
    (expired,) = ledger.expire_launches("shop", LATER)
    assert (expired.campaign_id, expired.state) == ("win_back", "expired")
    assert states(ledger) == ["expired", "sent"]
    assert [one.campaign_id for one in ledger.launches("shop", state="awaiting_approval")] == ["other"]
    assert ledger.expire_launches("shop", LATER) == ()


def test_the_launches_of_several_runs_of_a_day_are_decided_together(ledger: Ledger) -> None:
    recorded(ledger, launch(), launch(run_id="20240301-000002"))
    assert len(ledger.decide_launch("shop", DAY, "win_back", "released", decided_by="ada", at=LATER)) == 2


def test_a_launch_recorded_again_says_the_newest(ledger: Ledger) -> None:
    recorded(ledger, launch(), launch("refused", reason="too few", created_at=LATER))
    (only,) = ledger.launches("shop")
    assert (only.state, only.reason, only.created_at) == ("refused", "too few", NOW)


def test_an_unknown_launch_cannot_be_decided(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="waits for a decision"):
        ledger.decide_launch("shop", DAY, "nothing", "released", decided_by="ada", at=LATER)


def issue(ledger: Ledger, *asked, budget=None, charge=1.0):
    with ledger.writing() as connection:
        return ledger.issue_coupons(connection, asked, budget=budget, charge=charge)


def test_a_coupon_is_issued_once_per_user_campaign_and_period(ledger: Ledger) -> None:
    issue(ledger, coupon("u1"), budget=10)
    again = issue(ledger, coupon("u1", "OTHER"), coupon("u2"), budget=10)
    assert [one.coupon_code for one in again.values()] == ["CODE-u1", "CODE-u2"]
    next_period = issue(ledger, coupon("u1", "NEXT", period="2024-04"), budget=10)
    assert next_period["u1"].coupon_code == "NEXT"
    assert len(ledger.coupons("shop")) == 3
    assert [(one.period, one.spent) for one in ledger.coupon_budgets("shop")] == [("all", 3)]


def test_the_budget_is_a_hard_cap_and_the_first_are_served_first(ledger: Ledger) -> None:
    asked = [coupon(f"u{number:02}") for number in range(15)]
    issued = issue(ledger, *asked, budget=1.0, charge=0.1)
    assert list(issued) == [f"u{number:02}" for number in range(10)]
    assert issue(ledger, coupon("late"), budget=1.0, charge=0.1) == {}
    assert issue(ledger, coupon("u03", "AGAIN"), budget=1.0, charge=0.1)["u03"].coupon_code == "CODE-u03"
    (budget,) = ledger.coupon_budgets("shop")
    assert budget.spent == pytest.approx(1.0)


def test_a_budget_that_was_raised_has_room_again(ledger: Ledger) -> None:
    issue(ledger, coupon("u1"), coupon("u2"), budget=1)
    assert set(issue(ledger, coupon("u2"), budget=2)) == {"u2"}
    assert issue(ledger, coupon("u3"), budget=1) == {}


@pytest.mark.parametrize("worth", [0.0, -5.0, float("inf"), float("nan")])
def test_a_coupon_without_a_sound_value_is_refused(ledger: Ledger, worth: float) -> None:
    with pytest.raises(LedgerError, match="worth"):
        issue(ledger, coupon("u1", face_value=worth), budget=10)
    assert ledger.coupons("shop") == ()


def test_a_code_that_was_drawn_twice_is_not_issued(ledger: Ledger) -> None:
    issue(ledger, coupon("u1", "SAME"), budget=10)
    with pytest.raises(LedgerError, match="drawn twice"):
        issue(ledger, coupon("u2", "SAME"), budget=10)
    assert [one.spent for one in ledger.coupon_budgets("shop")] == [1]


def test_a_block_stands_until_it_is_lifted(ledger: Ledger) -> None:
    assert ledger.block_contacts([BLOCK]) == 1
    assert ledger.block_contacts([replace(BLOCK, since=LATER)]) == 0
    assert ledger.contact_blocks("shop", user_id="u1") == (BLOCK,)
    assert ledger.lift_blocks("shop", "u1", "email", at=LATER)
    assert ledger.contact_blocks("shop") == ()
    assert ledger.contact_blocks("shop", standing_only=False)[0].lifted_at == LATER
    assert ledger.block_contacts([replace(BLOCK, since=LATER + timedelta(days=1))]) == 1
    assert len(ledger.contact_blocks("shop")) == 1


def test_blocks_can_be_asked_for_by_their_reason(ledger: Ledger) -> None:
    erased = replace(BLOCK, user_id="u2", reason="erased")
    ledger.block_contacts([BLOCK, erased])
    assert ledger.contact_blocks("shop", reason="erased") == (erased,)
    assert ledger.contact_blocks("shop", user_id="u1", reason="erased") == ()


def test_a_later_consent_lifts_a_withdrawal_but_no_do_not_contact(ledger: Ledger) -> None:
    ledger.block_contacts([BLOCK, replace(BLOCK, user_id="u2", reason="do_not_contact")])
    given = [("u1", "email", NOW - timedelta(days=1)), ("u2", "email", LATER)]
    assert ledger.lift_blocks_by_consent("shop", given) == 0
    assert ledger.lift_blocks_by_consent("shop", [("u1", "email", LATER)]) == 1
    assert [one.user_id for one in ledger.contact_blocks("shop")] == ["u2"]


def test_an_erasure_outranks_a_withdrawal(ledger: Ledger) -> None:
    ledger.block_contacts([BLOCK])
    assert ledger.block_contacts([replace(BLOCK, reason="erased", since=LATER)]) == 1
    assert ledger.block_contacts([replace(BLOCK, reason="unsubscribed", since=LATER)]) == 0
    with ledger.reading() as connection:
        assert [one.reason for one in ledger.blocks_of(connection, "shop", ["u1", "u2"])["u1"]] == ["erased"]


def test_an_unknown_reason_is_refused_with_its_value(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="boredom"):
        ledger.block_contacts([replace(BLOCK, reason="boredom")])
