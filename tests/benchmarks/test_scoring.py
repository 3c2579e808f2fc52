"""The scoring benchmark times the product's own scoring and shows it beside the prediction alone."""

from pathlib import Path

import duckdb
import pytest

from benchmarks.__main__ import main
from benchmarks.report import Section
from benchmarks.scoring import measure_scoring


@pytest.mark.slow
def test_scoring_is_measured_from_table_to_table_beside_the_prediction_alone(tmp_path: Path) -> None:
    section = measure_scoring(tmp_path, users=3_000, features=12, training_rows=1_500, candidates=["blend"])
    whole, alone, memory = section.figures
    assert whole.name == "blend: scores and reasons"
    assert whole.reference == alone.value + 10
    assert whole.most == 1.5
    assert memory.reference == 3 * 1024
    with duckdb.connect(tmp_path / "scoring.duckdb", read_only=True) as connection:
        written = connection.execute(
            "select count(*), count(distinct user_id), count(reason_3_code), count(distinct churn_decile) "
            "from ml.churn_scores"
        ).fetchone()
    assert written == (3_000, 3_000, 3_000, 10)


def test_the_command_line_measures_scoring_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "benchmarks.__main__.measure_scoring", lambda _folder, users: Section("Scoring", f"{users} users")
    )
    page = tmp_path / "page.md"
    asked = ["scoring", "--scored-users", "1500", "--home", str(tmp_path / "home"), "--write", str(page)]
    assert main(asked) == 0
    assert "## Scoring\n\n1500 users" in page.read_text(encoding="utf-8")
    assert "1500 users" in capsys.readouterr().out
