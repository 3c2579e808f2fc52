from dataclasses import replace
from datetime import date

from warehouse.ledger import Alarm, Ledger

DAY = date(2024, 3, 1)
DRIFT = Alarm("shop", DAY, "feature_drift", "paid_orders_30d", "it moved by .4", "20240301-000001")


def test_an_alarm_is_recorded_once_for_its_day_kind_and_subject(ledger: Ledger) -> None:
    (first,) = ledger.record_alarms([DRIFT])
    again = ledger.record_alarms([replace(DRIFT, message="it moved by .5", run_id="20240301-000002")])
    others = [replace(DRIFT, subject="items_30d"), replace(DRIFT, kind="tier_share")]
    assert again == ()
    assert [alarm.subject for alarm in ledger.record_alarms([DRIFT, *others])] == ["items_30d", DRIFT.subject]
    assert first in ledger.alarms("shop")
    assert len(ledger.alarms("shop")) == 3
    assert ledger.alarms("other") == ()


def test_alarms_are_found_by_day_and_kind(ledger: Ledger) -> None:
    for number in (1, 2, 3):
        ledger.record_alarms([replace(DRIFT, as_of_date=date(2024, 3, number))])
    ledger.record_alarms([replace(DRIFT, kind="tier_share")])
    between = ledger.alarms(
        "shop", first_day=date(2024, 3, 1), last_day=date(2024, 3, 2), kind="feature_drift"
    )
    assert [alarm.as_of_date.day for alarm in between] == [1, 2]


def test_an_alarm_waits_until_somebody_was_told(ledger: Ledger) -> None:
    (waiting,) = ledger.record_alarms([replace(DRIFT, notification="waiting")])
    ledger.record_notified([waiting], failure="nobody answers")
    (still,) = ledger.alarms("shop", notification="waiting")
    assert (still.failure, still.notified_at) == ("nobody answers", None)
    ledger.record_notified([waiting])
    (told,) = ledger.alarms("shop")
    assert told.notification == "sent"
    assert told.notified_at is not None
    assert told.notified_at > waiting.raised_at  # type: ignore[operator]


def test_an_alarm_that_nobody_was_to_be_told_of_waits_once_somebody_is(ledger: Ledger) -> None:
    ledger.record_alarms([DRIFT])
    assert ledger.record_alarms([replace(DRIFT, notification="waiting")]) == ()
    (waiting,) = ledger.alarms("shop", notification="waiting")
    ledger.record_notified([waiting])
    ledger.record_alarms([replace(DRIFT, notification="waiting")])
    assert [alarm.notification for alarm in ledger.alarms("shop")] == ["sent"]
