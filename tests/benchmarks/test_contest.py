"""The contest benchmark holds the product's own contest and shows what every step took."""

from benchmarks.contest import measure_contest
from ml.candidates import CANDIDATES


def test_every_candidate_and_trial_of_the_contest_is_shown_with_its_seconds() -> None:
    section = measure_contest(rows=4_200, trials=3, features=8)
    whole, memory = section.figures
    assert whole.reference == 20 * 60
    assert memory.reference == 6 * 1024
    ((_, steps),) = section.details
    shown = [step for step, _ in steps]
    assert sum(step.startswith("search [") for step in shown) == 3
    for candidate in CANDIDATES:
        assert any(step.startswith("contest ") and f" {candidate.name}: " in step for step in shown)
    assert 0 < sum(float(seconds) for _, seconds in steps) <= whole.value + 1
