import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from dags.wiring.days import asked_days, days_to_build, has_news, parsed_day
from warehouse.errors import ContractBreach


def day(number: int) -> dt.date:
    return dt.date(2026, 6, number)


def context(as_of_date: str | None = None, *events: list[str], **more: Any) -> dict[str, Any]:
    happened = [SimpleNamespace(extra={"as_of_dates": days}) for days in events]
    return {"params": {"as_of_date": as_of_date}, "triggering_asset_events": {"asset": happened}, **more}


def test_the_parameter_says_the_day() -> None:
    assert asked_days(context("2026-06-03")) == [day(3)]


def test_the_parameter_goes_before_the_event() -> None:
    assert asked_days(context("2026-06-03", ["2026-06-01"])) == [day(3)]


def test_the_events_say_the_days_oldest_first_and_each_once() -> None:
    assert asked_days(context(None, ["2026-06-02", "2026-06-01"], ["2026-06-02"])) == [day(1), day(2)]


def test_the_clock_never_says_the_day() -> None:
    clock = {"logical_date": dt.datetime(2026, 6, 1, tzinfo=dt.UTC), "ds": "2026-06-01"}
    with pytest.raises(ContractBreach, match="no as_of_date"):
        asked_days(context(None, **clock))


def test_an_event_that_names_no_day_is_refused() -> None:
    with pytest.raises(ContractBreach, match="no as_of_date"):
        asked_days({"triggering_asset_events": {"asset": [SimpleNamespace(extra=None)]}})


@pytest.mark.parametrize(
    "text", ["2026-6-1x", "01/06/2026", "2026-02-30", "{{ ds }}", "1; drop table", 20260601]
)
def test_what_is_no_day_is_refused(text: object) -> None:
    with pytest.raises(ContractBreach, match="is not a day"):
        parsed_day(text)


@pytest.mark.parametrize(
    ("accepted", "refused", "newest_built", "expected"),
    [
        pytest.param([1, 2, 3], [], None, [3], id="the first time only the newest day is built"),
        pytest.param([1, 2, 3], [], 2, [3], id="a new day is built"),
        pytest.param([3, 1, 2, 4], [], 1, [2, 3, 4], id="missed days are caught up on in order"),
        pytest.param([1, 2, 3], [], 3, [], id="late rows for built days build nothing"),
        pytest.param([1, 2, 4], [3], 1, [2], id="the line stops at a refused day"),
        pytest.param([1, 2, 3], [2], 2, [3], id="a refusal of a built day does not stop the line"),
        pytest.param([1, 2], [1], None, [], id="nothing is built when the first day is refused"),
        pytest.param([], [], None, [], id="nothing came"),
        pytest.param(
            range(2, 30), [], 1, range(23, 30), id="after a long outage seven days are caught up on"
        ),
        pytest.param([2, 2, 2], [], 1, [2], id="a day delivered in parts is built once"),
    ],
)
def test_the_days_to_build(accepted: Any, refused: Any, newest_built: int | None, expected: Any) -> None:
    built = day(newest_built) if newest_built else None
    found = days_to_build(map(day, accepted), map(day, refused), built)
    assert found == [day(number) for number in expected]


def hour(number: int) -> dt.datetime:
    return dt.datetime(2026, 7, 1, number, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("arrived", "begun", "expected"),
    [
        pytest.param({1: 5}, {}, True, id="a day that was never begun"),
        pytest.param({1: 5}, {1: 6}, False, id="a day that is being built, or failed, with all that arrived"),
        pytest.param({1: 7}, {1: 6}, True, id="a day whose delivery was corrected since"),
        pytest.param({1: 5, 2: 7}, {1: 6}, True, id="a new day behind one that failed"),
        pytest.param({}, {}, False, id="no day"),
    ],
)
def test_a_day_is_announced_when_building_it_would_see_something_new(
    arrived: dict[int, int], begun: dict[int, int], expected: bool
) -> None:
    def by_day(hours: dict[int, int]) -> dict[dt.date, dt.datetime]:
        return {day(number): hour(at) for number, at in hours.items()}

    assert has_news(map(day, arrived), by_day(arrived), by_day(begun)) is expected
