from dataclasses import replace
from datetime import date

import pytest

from warehouse.ledger import Ledger, LedgerError, Model

SUNDAY = date(2024, 3, 3)
NINETY = "paid_order_90d"
MODEL = Model("m-1", "shop", SUNDAY, 90, "hist_gradient_boosting", "challenger", "m-1", '{"auc": 0.8}')


def test_the_newest_model_up_to_a_day_is_found(ledger: Ledger) -> None:
    ledger.record_model(MODEL)
    ledger.record_model(replace(MODEL, model_version="m-2", trained_as_of=date(2024, 3, 10)))
    ledger.record_model(replace(MODEL, model_version="m-4", trained_as_of=date(2024, 3, 17), source="other"))
    assert ledger.newest_model("shop", date(2024, 3, 2)) is None
    found = [ledger.newest_model("shop", date(2024, 3, day)) for day in (3, 9, 10, 30)]
    assert [model and model.model_version for model in found] == ["m-1", "m-1", "m-2", "m-2"]
    assert ledger.newest_model("shop", SUNDAY, horizon_days=30) is None
    assert ledger.newest_model("shop", SUNDAY, definition_id="personal") is None
    assert ledger.newest_model("shop", SUNDAY, definition_id=NINETY) == ledger.model("m-1")


def test_of_two_models_of_one_day_the_later_wins(ledger: Ledger) -> None:
    ledger.record_model(replace(MODEL, model_version="z"))
    ledger.record_model(replace(MODEL, model_version="a"))
    newest = ledger.newest_model("shop", SUNDAY)
    assert newest is not None
    assert newest.model_version == "a"


def test_a_recorded_model_stands(ledger: Ledger) -> None:
    first = ledger.record_model(MODEL)
    assert ledger.record_model(replace(MODEL, metrics_json="{}")) == first
    assert ledger.models("shop") == (first,)


def test_a_model_says_which_definition_it_is_of(ledger: Ledger) -> None:
    assert ledger.record_model(MODEL).definition_id == NINETY
    personal = ledger.record_model(replace(MODEL, model_version="m-p", definition_id="personal"))
    assert ledger.models("shop", "personal") == (personal,)


def test_a_model_cannot_be_recorded_as_champion(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="record it as challenger"):
        ledger.record_model(replace(MODEL, status="champion"))
    assert ledger.models("shop") == ()


def test_a_withdrawn_model_is_found_only_when_asked_for(ledger: Ledger) -> None:
    ledger.record_model(MODEL)
    assert ledger.withdraw_model("m-1").status == "withdrawn"
    assert ledger.newest_model("shop", SUNDAY) is None
    assert ledger.newest_model("shop", SUNDAY, usable_only=False) == ledger.model("m-1")
    with pytest.raises(LedgerError, match="m-9"):
        ledger.model("m-9")


def test_a_day_keeps_the_model_it_was_first_scored_with(ledger: Ledger) -> None:
    for version, source in (("m-1", "shop"), ("m-2", "shop"), ("o-1", "other")):
        ledger.record_model(replace(MODEL, model_version=version, source=source))
    assert ledger.model_for_day("shop", SUNDAY, NINETY) is None
    first = ledger.use_model("shop", SUNDAY, NINETY, "m-1", "20240303-000001")
    again = ledger.use_model("shop", SUNDAY, NINETY, "m-2", "20240303-000002")
    assert again == first == ledger.model_for_day("shop", SUNDAY, NINETY)
    assert first.model_version == "m-1"
    assert ledger.use_model("other", SUNDAY, NINETY, "o-1").model_version == "o-1"


def test_a_day_has_one_model_for_every_definition(ledger: Ledger) -> None:
    ledger.record_model(MODEL)
    ledger.record_model(replace(MODEL, model_version="m-30", horizon_days=30))
    ledger.use_model("shop", SUNDAY, NINETY, "m-1")
    ledger.use_model("shop", SUNDAY, "paid_order_30d", "m-30")
    uses = [ledger.model_for_day("shop", SUNDAY, name) for name in (NINETY, "paid_order_30d")]
    assert [use and use.model_version for use in uses] == ["m-1", "m-30"]


def test_a_model_that_was_never_recorded_scores_no_day(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="m-9"):
        ledger.use_model("shop", SUNDAY, NINETY, "m-9")


def test_a_model_of_another_definition_scores_no_day(ledger: Ledger) -> None:
    ledger.record_model(MODEL)
    with pytest.raises(LedgerError, match="does not know churn as personal"):
        ledger.use_model("shop", SUNDAY, "personal", "m-1")
    assert ledger.model_for_day("shop", SUNDAY, "personal") is None
