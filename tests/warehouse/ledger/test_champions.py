"""What people decide about champions: pin, unpin, roll back. It counts from a day on."""

from datetime import date, timedelta

import pytest

from tests.warehouse.ledger.test_decisions import (
    NINETY,
    SHOP,
    SUNDAYS,
    add,
    champion,
    decide,
    statuses,
)
from warehouse.ledger import Ledger, LedgerError

DAY = timedelta(days=1)


@pytest.fixture
def three(ledger: Ledger) -> Ledger:
    """Return a ledger with two champions, m-0 and m-2, and a challenger between them."""
    decide(ledger, "m-0", 0, "promoted", None)
    decide(ledger, "m-1", 1, "kept", "m-0")
    decide(ledger, "m-2", 2, "promoted", "m-0")
    return ledger


def test_a_pinned_model_stays_champion_whatever_challengers_do(three: Ledger) -> None:
    made = three.pin_champion("m-1", SUNDAYS[3], decided_by="ada")
    assert (made.verdict, made.champion, made.decided_by) == ("pinned", "m-2", "ada")
    decide(three, "m-4", 4, "promoted", "m-1")
    kept = three.decision_on("m-4")
    assert kept is not None
    assert kept.verdict == "kept"
    assert kept.reason == "The champion m-1 is pinned. Without the pin: promoted for a test"
    assert [champion(three, day) for day in SUNDAYS[1:]] == ["m-0", "m-2", "m-1", "m-1", "m-1"]
    assert statuses(three) == {"m-0": "retired", "m-1": "champion", "m-2": "retired", "m-4": "challenger"}


def test_a_pin_from_an_earlier_day_overrules_promotions_after_it(three: Ledger) -> None:
    three.pin_champion("m-0", SUNDAYS[1], decided_by="ada")
    assert [champion(three, day) for day in SUNDAYS[:4]] == ["m-0"] * 4
    pin = three.pin_for(SHOP, NINETY, SUNDAYS[3])
    assert pin is not None
    assert pin.challenger == "m-0"
    assert three.pin_for(SHOP, NINETY, SUNDAYS[0]) is None


def test_an_unpinned_model_stays_until_a_challenger_beats_it(three: Ledger) -> None:
    three.pin_champion("m-1", SUNDAYS[3], decided_by="ada")
    three.unpin_champion(SHOP, NINETY, SUNDAYS[4], decided_by="ada")
    assert champion(three, SUNDAYS[4]) == "m-1"
    assert three.pin_for(SHOP, NINETY, SUNDAYS[4]) is None
    assert three.pin_for(SHOP, NINETY, SUNDAYS[3]) is not None
    decide(three, "m-5", 5, "promoted", "m-1")
    assert [champion(three, day) for day in SUNDAYS[3:]] == ["m-1", "m-1", "m-5"]


def test_another_pin_takes_the_place_of_a_pin(three: Ledger) -> None:
    three.pin_champion("m-1", SUNDAYS[3], decided_by="ada")
    three.pin_champion("m-0", SUNDAYS[4], decided_by="ada")
    assert [champion(three, day) for day in SUNDAYS[2:]] == ["m-2", "m-1", "m-0", "m-0"]
    three.unpin_champion(SHOP, NINETY, SUNDAYS[5], decided_by="ada")
    assert three.pin_for(SHOP, NINETY, SUNDAYS[5]) is None
    assert champion(three, SUNDAYS[5]) == "m-0"


def test_pinning_twice_is_one_decision_and_pinning_after_an_unpinning_is_another(three: Ledger) -> None:
    first = three.pin_champion("m-1", SUNDAYS[3], decided_by="ada")
    assert three.pin_champion("m-1", SUNDAYS[4], decided_by="bob") == first
    three.unpin_champion(SHOP, NINETY, SUNDAYS[5], decided_by="ada")
    assert three.pin_champion("m-1", SUNDAYS[4], decided_by="bob") != first
    assert three.pin_for(SHOP, NINETY, SUNDAYS[5]) is not None


def test_a_model_cannot_be_pinned_from_before_its_training_day(three: Ledger) -> None:
    with pytest.raises(LedgerError, match="would know the future"):
        three.pin_champion("m-2", SUNDAYS[2] - DAY, decided_by="ada")
    assert len(three.model_decisions(SHOP)) == 3


def test_without_a_day_pins_begin_and_end_after_all_that_was_scored_or_decided(three: Ledger) -> None:
    assert three.pin_champion("m-1", decided_by="ada").decided_for == SUNDAYS[2]
    assert three.unpin_champion(SHOP, NINETY, decided_by="ada").decided_for == SUNDAYS[2]
    assert champion(three, SUNDAYS[2]) == "m-1"
    three.use_model(SHOP, SUNDAYS[2] + DAY, NINETY, "m-1")
    assert three.pin_champion("m-0", decided_by="ada").decided_for == SUNDAYS[2] + 2 * DAY
    assert three.unpin_champion(SHOP, NINETY, decided_by="ada").decided_for == SUNDAYS[2] + 2 * DAY
    assert champion(three, SUNDAYS[5]) == "m-0"


def test_unpinning_needs_a_pin_that_began(three: Ledger) -> None:
    with pytest.raises(LedgerError, match="No model of shop is pinned"):
        three.unpin_champion(SHOP, NINETY, decided_by="ada")
    three.pin_champion("m-1", SUNDAYS[3], decided_by="ada")
    with pytest.raises(LedgerError, match="is pinned from 2024-03-24 on, not before"):
        three.unpin_champion(SHOP, NINETY, SUNDAYS[2], decided_by="ada")


def test_a_rollback_puts_the_champion_before_back_for_every_day_not_scored_yet(three: Ledger) -> None:
    three.use_model(SHOP, SUNDAYS[2], NINETY, "m-2")
    assert three.previous_champion(SHOP, NINETY).model_version == "m-0"
    made = three.roll_back_champion(SHOP, NINETY, decided_by="ada")
    assert (made.challenger, made.champion, made.decided_for) == ("m-0", "m-2", SUNDAYS[2] + DAY)
    assert [champion(three, day) for day in SUNDAYS] == ["m-0"] * 6
    use = three.model_for_day(SHOP, SUNDAYS[2], NINETY)
    assert use is not None
    assert use.model_version == "m-2"
    assert statuses(three) == {"m-0": "champion", "m-1": "challenger", "m-2": "withdrawn"}


def test_training_again_does_not_bring_back_what_was_rolled_back(three: Ledger) -> None:
    three.roll_back_champion(SHOP, NINETY, decided_by="ada")
    again = three.record_decision("m-2", "promoted", "better", judged_against="m-0")
    assert again == three.decision_on("m-2")
    assert champion(three, SUNDAYS[5]) == "m-0"
    three.pin_champion("m-2", SUNDAYS[4], decided_by="ada")
    assert [champion(three, day) for day in SUNDAYS[3:]] == ["m-0", "m-2", "m-2"]
    assert statuses(three)["m-2"] == "champion"


def test_two_rollbacks_go_back_two_champions_and_a_third_is_refused(three: Ledger) -> None:
    decide(three, "m-3", 3, "promoted", "m-2")
    backs = [three.roll_back_champion(SHOP, NINETY, decided_by="ada").challenger for _ in range(2)]
    assert backs == ["m-2", "m-0"]
    with pytest.raises(LedgerError, match="no champion of shop under paid_order_90d before this one"):
        three.roll_back_champion(SHOP, NINETY, decided_by="ada")
    assert champion(three, SUNDAYS[5]) == "m-0"


def test_after_a_rollback_a_challenger_competes_with_the_one_put_back(three: Ledger) -> None:
    three.roll_back_champion(SHOP, NINETY, decided_by="ada")
    decide(three, "m-3", 3, "promoted", "m-0")
    assert champion(three, SUNDAYS[3]) == "m-3"


def test_a_pinned_champion_is_not_rolled_back(three: Ledger) -> None:
    three.pin_champion("m-1", SUNDAYS[3], decided_by="ada")
    with pytest.raises(LedgerError, match="unpin it first"):
        three.roll_back_champion(SHOP, NINETY, decided_by="ada")


def test_without_a_champion_there_is_nothing_to_roll_back(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="has no champion"):
        ledger.roll_back_champion(SHOP, NINETY, decided_by="ada")


def test_a_withdrawn_model_that_is_pinned_scores_again(three: Ledger) -> None:
    three.withdraw_model("m-1")
    three.pin_champion("m-1", SUNDAYS[3], decided_by="ada")
    assert champion(three, SUNDAYS[3]) == "m-1"
    three.withdraw_model("m-1")
    assert champion(three, SUNDAYS[3]) == "m-2"


def test_a_pin_of_one_definition_leaves_the_others_alone(three: Ledger) -> None:
    add(three, "p-0", 0, "personal")
    three.pin_champion("p-0", SUNDAYS[0], decided_by="ada")
    assert champion(three, date(2024, 3, 3)) == "m-0"
    assert three.pin_for(SHOP, "personal", SUNDAYS[0]) is not None
