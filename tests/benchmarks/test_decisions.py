"""The benchmark of the decisions measures what it says, on a small scale."""

from pathlib import Path

import pytest

from benchmarks.decisions import MOST_SECONDS, measure_decisions

USERS = 2_000


@pytest.mark.slow
def test_a_small_shop_is_decided_chosen_and_written(tmp_path: Path) -> None:
    section = measure_decisions(tmp_path, users=USERS)
    figures = {figure.name: figure for figure in section.figures}
    assert [figure.unit for figure in section.figures] == ["s", "s", "s", "s", "s", "MiB"]
    assert all(figure.value > 0 for figure in section.figures)
    parts = [figures[name].value for name in ("eligibility (dbt)", "choice", "actions written")]
    total = figures["eligibility, choice and actions"]
    assert total.value == pytest.approx(sum(parts))
    assert total.reference == MOST_SECONDS
    # every user meets every campaign, and some of them are chosen for one
    assert f"{USERS:,} users × 5 campaigns" in section.text
    assert f"{5 * USERS:,} rows of eligibility" in section.text
    assert " 0 users chosen" not in section.text
