from dataclasses import replace
from datetime import date

import pytest

from warehouse.ledger import Ledger, LedgerError, Model

SUNDAY = date(2024, 3, 3)
MODEL = Model("m-1", "shop", SUNDAY, 90, "hist_gradient_boosting", "accepted", "models/m-1", '{"auc": 0.8}')


def test_the_newest_accepted_model_up_to_a_day_is_found(ledger: Ledger) -> None:
    ledger.record_model(MODEL)
    ledger.record_model(replace(MODEL, model_version="m-2", trained_as_of=date(2024, 3, 10)))
    ledger.record_model(
        replace(MODEL, model_version="m-3", trained_as_of=date(2024, 3, 17), status="rejected")
    )
    ledger.record_model(replace(MODEL, model_version="m-4", trained_as_of=date(2024, 3, 17), source="other"))
    assert ledger.newest_model("shop", date(2024, 3, 2)) is None
    found = [ledger.newest_model("shop", date(2024, 3, day)) for day in (3, 9, 10, 30)]
    assert [model and model.model_version for model in found] == ["m-1", "m-1", "m-2", "m-2"]
    assert ledger.newest_model("shop", SUNDAY, horizon_days=30) is None


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


def test_a_withdrawn_model_is_no_longer_chosen(ledger: Ledger) -> None:
    ledger.record_model(MODEL)
    assert ledger.set_model_status("m-1", "withdrawn").status == "withdrawn"
    assert ledger.newest_model("shop", SUNDAY) is None
    with pytest.raises(LedgerError, match="m-9"):
        ledger.model("m-9")


def test_a_day_keeps_the_model_it_was_first_scored_with(ledger: Ledger) -> None:
    assert ledger.model_for_day("shop", SUNDAY) is None
    first = ledger.use_model("shop", SUNDAY, "m-1", "20240303-000001")
    again = ledger.use_model("shop", SUNDAY, "m-2", "20240303-000002")
    assert again == first == ledger.model_for_day("shop", SUNDAY)
    assert first.model_version == "m-1"
    assert ledger.use_model("other", SUNDAY, "m-2").model_version == "m-2"
