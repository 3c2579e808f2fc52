from datetime import timedelta
from pathlib import Path

import pytest

from tests.warehouse.publish.tiny_build import begin_and_build
from warehouse.errors import DamagedFile
from warehouse.ledger import Ledger
from warehouse.publish import check, publish
from warehouse.settings import Settings


def test_a_sound_snapshot_says_what_it_is(settings: Settings, ledger: Ledger) -> None:
    run = begin_and_build(settings, ledger)
    publish(settings, ledger, run)
    made = check(settings).created_at
    report = check(settings, clock=lambda: made + timedelta(hours=30))
    assert report.age == timedelta(hours=30)
    assert report.row_counts["churn_scores_history"] == 5
    text = str(report)
    for words in (run.run_id, "as of 2024-03-01", "30.0 hours ago", "model-1", "5 rows"):
        assert words in text


def test_nothing_published_is_said_with_what_to_do(settings: Settings) -> None:
    with pytest.raises(DamagedFile, match="Nothing is published"):
        check(settings)


def _flip_a_bit(folder: Path) -> None:
    path = folder / "holdfast.duckdb"
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _cut_the_list(folder: Path) -> None:
    path = folder / "at_risk_users.jsonl"
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (_flip_a_bit, "holdfast.duckdb should have sha256"),
        (_cut_the_list, "at_risk_users.jsonl should have"),
        (lambda folder: (folder / "at_risk_users.csv").unlink(), "at_risk_users.csv is missing"),
        (lambda folder: (folder / "extra.csv").write_text("x"), "extra.csv is not in the manifest"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json cannot be read"),
        (lambda folder: folder.rename(folder.with_name("elsewhere")), "points to a snapshot that is gone"),
    ],
)
def test_a_damaged_snapshot_is_reported_with_the_file(
    settings: Settings, ledger: Ledger, damage: object, complaint: str
) -> None:
    folder = publish(settings, ledger, begin_and_build(settings, ledger)).path
    damage(folder)  # type: ignore[operator]
    with pytest.raises(DamagedFile) as raised:
        check(settings)
    assert complaint in str(raised.value)
    assert "rollback --run" in str(raised.value)
