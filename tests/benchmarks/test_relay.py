"""The benchmark of the relay measures what it says, on a small scale."""

from pathlib import Path

import pytest

from benchmarks.relay import measure_relay, record_day


@pytest.mark.slow
def test_a_small_day_is_recorded_and_its_webhooks_arrive_once_each(tmp_path: Path) -> None:
    section = measure_relay(tmp_path, users=1_000, webhooks=300)
    assert [figure.unit for figure in section.figures] == ["s", "s", "MiB", "s"]
    assert all(figure.value > 0 for figure in section.figures)
    assert "300 signed webhooks" in section.text


@pytest.mark.slow
def test_what_is_timed_is_everything_that_was_chosen(tmp_path: Path) -> None:
    recorded = record_day(tmp_path, 10_000)
    assert recorded.assignments == 3_000
    assert 2_600 < recorded.messages < 3_000
    assert 20 < recorded.coupons <= 30
