"""Who is champion on which day: promotions, and who gets them when two trainings end at once."""

import json
import subprocess
import sys
from datetime import date, timedelta

import pytest

from warehouse.errors import Busy
from warehouse.ledger import Ledger, LedgerError, Model

SHOP, NINETY = "shop", "paid_order_90d"
SUNDAYS = [date(2024, 3, 3) + timedelta(days=7 * week) for week in range(6)]
PROMOTE = """
import sys
from warehouse.errors import Busy
from warehouse.ledger import Ledger
with Ledger(sys.argv[1]) as ledger:
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        print(ledger.record_decision(sys.argv[2], "promoted", "better", judged_against="m-0").verdict)
    except Busy:
        print("busy")
"""


def add(ledger: Ledger, version: str, week: int = 0, definition_id: str = NINETY) -> None:
    model = Model(version, SHOP, SUNDAYS[week], 90, "boosted_trees", "challenger", version)
    ledger.record_model(Model(**{**model.__dict__, "definition_id": definition_id}))


def decide(ledger: Ledger, version: str, week: int, verdict: str, against: str | None) -> None:
    add(ledger, version, week)
    ledger.record_decision(version, verdict, f"{verdict} for a test", judged_against=against)


def champion(ledger: Ledger, day: date) -> str | None:
    found = ledger.champion_for(SHOP, NINETY, day)
    return found.model_version if found else None


def statuses(ledger: Ledger) -> dict[str, str]:
    return {model.model_version: model.status for model in ledger.models(SHOP)}


def test_a_day_gets_the_champion_of_its_own_time(ledger: Ledger) -> None:
    decide(ledger, "m-0", 0, "promoted", None)
    decide(ledger, "m-1", 1, "kept", "m-0")
    decide(ledger, "m-2", 2, "promoted", "m-0")
    decide(ledger, "m-3", 3, "refused", "m-2")
    days = [SUNDAYS[0] - timedelta(days=1), *SUNDAYS]
    assert [champion(ledger, day) for day in days] == [None, "m-0", "m-0", "m-2", "m-2", "m-2", "m-2"]
    assert statuses(ledger) == {"m-0": "retired", "m-1": "challenger", "m-2": "champion", "m-3": "refused"}


def test_a_decision_is_kept_with_its_reason_and_figures(ledger: Ledger) -> None:
    add(ledger, "m-0")
    figures = {"roc_auc": 0.75, "lift": float("nan"), "slices": [{"country": "DE"}], "tested": SUNDAYS[0]}
    made = ledger.record_decision("m-0", "promoted", "the first", judged_against=None, figures=figures)
    assert ledger.model_decisions(SHOP) == (made,) == ledger.model_decisions(SHOP, NINETY)
    assert ledger.model_decisions(SHOP, "personal") == () == ledger.model_decisions("other")
    assert (made.decided_for, made.challenger, made.champion) == (SUNDAYS[0], "m-0", None)
    assert (made.reason, made.decided_by) == ("the first", "training")
    assert json.loads(made.figures_json) == {
        "roc_auc": 0.75,
        "lift": None,
        "slices": [{"country": "DE"}],
        "tested": "2024-03-03",
    }


def test_deciding_again_on_a_model_changes_nothing(ledger: Ledger) -> None:
    decide(ledger, "m-0", 0, "promoted", None)
    decide(ledger, "m-1", 1, "promoted", "m-0")
    first = ledger.decision_on("m-1")
    again = ledger.record_decision("m-1", "refused", "another view", judged_against="m-1")
    assert again == first
    assert len(ledger.model_decisions(SHOP)) == 2
    assert ledger.decision_on("m-9") is None


def test_a_promotion_over_a_champion_that_changed_meanwhile_must_be_judged_again(ledger: Ledger) -> None:
    decide(ledger, "m-0", 0, "promoted", None)
    decide(ledger, "m-1", 1, "promoted", "m-0")
    add(ledger, "other seed", 1)
    for verdict in ("promoted", "kept"):
        with pytest.raises(Busy, match="judge it again"):
            ledger.record_decision("other seed", verdict, "better", judged_against="m-0")
    assert champion(ledger, SUNDAYS[1]) == "m-1"
    refused = ledger.record_decision("other seed", "refused", "a leak", judged_against="m-0")
    assert refused.champion == "m-1"


def test_of_two_trainings_at_once_only_one_promotes(ledger_url: str) -> None:
    with Ledger(ledger_url) as ledger:
        decide(ledger, "m-0", 0, "promoted", None)
        for version in ("m-1a", "m-1b"):
            add(ledger, version, 1)
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", PROMOTE, ledger_url, version],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for version in ("m-1a", "m-1b")
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        assert sorted(process.communicate(timeout=60)[0] for process in processes) == ["busy\n", "promoted\n"]
        assert [one.verdict for one in ledger.model_decisions(SHOP)] == ["promoted", "promoted"]


def test_a_backfilled_training_does_not_touch_the_champion_of_later_days(ledger: Ledger) -> None:
    decide(ledger, "m-0", 0, "promoted", None)
    decide(ledger, "m-4", 4, "promoted", "m-0")
    decide(ledger, "m-2", 2, "promoted", "m-0")
    assert [champion(ledger, day) for day in SUNDAYS] == ["m-0", "m-0", "m-2", "m-2", "m-4", "m-4"]
    assert statuses(ledger)["m-4"] == "champion"


def test_every_definition_and_shop_has_its_own_champion(ledger: Ledger) -> None:
    decide(ledger, "m-0", 0, "promoted", None)
    add(ledger, "p-0", 1, "personal")
    ledger.record_decision("p-0", "promoted", "the first", judged_against=None)
    found = [ledger.champion_for(SHOP, name, SUNDAYS[5]) for name in (NINETY, "personal")]
    assert [model and model.model_version for model in found] == ["m-0", "p-0"]
    assert ledger.champion_for("other", NINETY, SUNDAYS[5]) is None


def test_a_withdrawn_champion_gives_way_to_the_one_before(ledger: Ledger) -> None:
    decide(ledger, "m-0", 0, "promoted", None)
    decide(ledger, "m-1", 1, "promoted", "m-0")
    ledger.withdraw_model("m-1")
    assert champion(ledger, SUNDAYS[2]) == "m-0"
    assert statuses(ledger) == {"m-0": "champion", "m-1": "withdrawn"}


def test_what_training_cannot_come_to_is_refused(ledger: Ledger) -> None:
    add(ledger, "m-0")
    with pytest.raises(LedgerError, match="pinned"):
        ledger.record_decision("m-0", "pinned", "by hand", judged_against=None)
    with pytest.raises(LedgerError, match="m-9"):
        ledger.record_decision("m-9", "promoted", "unknown", judged_against=None)
    assert ledger.model_decisions(SHOP) == ()
