"""B3: what a crash left of the build file is never published as if it were whole."""

import os
import signal
from pathlib import Path

import pytest

from tests.faults.publishing import ended, in_a_child
from tests.warehouse.publish.tiny_build import begin_and_build, build_day, tiny_settings
from warehouse.connections import open_build
from warehouse.errors import HoldfastError
from warehouse.ledger import Ledger
from warehouse.publish import check, publish
from warehouse.publish.restore import history_tables
from warehouse.settings import Settings


def _cut(log: Path) -> None:
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])


def _flip(log: Path) -> None:
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 0xFF
    log.write_bytes(content)


@pytest.mark.parametrize("damage", [_cut, _flip, Path.unlink])
def test_b3_a_crashed_build_is_not_published(tmp_path: Path, damage: object) -> None:
    settings = tiny_settings(tmp_path)
    with Ledger.open(settings) as ledger:
        old = begin_and_build(settings, ledger, 0)
        publish(settings, ledger, old)
        new = ledger.begin_run("score", settings.source, old.as_of_date.replace(day=2))

        def build_and_die() -> None:
            with open_build(settings) as connection:
                connection.execute(f"delete from risk.user_risk_tiers_history where run_id = '{old.run_id}'")
                connection.execute(
                    "insert into risk.user_risk_tiers_history values (?, 'u0', 'high', 1, null, ?)",
                    [new.as_of_date, new.run_id],
                )
                os.kill(os.getpid(), signal.SIGKILL)

        assert ended(in_a_child(build_and_die)) == -signal.SIGKILL
        log = settings.build_file.with_name("build.duckdb.wal")
        damage(log)  # type: ignore[operator]
        with pytest.raises(HoldfastError):
            publish(settings, ledger, new)
        assert check(settings).run_id == old.run_id


def test_b3_a_build_made_anew_remembers_what_days_remembered(tmp_path: Path) -> None:
    settings = tiny_settings(tmp_path)
    with Ledger.open(settings) as ledger:
        first = begin_and_build(settings, ledger, 0)
        with open_build(settings) as connection:
            connection.execute("update risk.user_risk_tiers_history set previous_risk_tier = 'low'")
        publish(settings, ledger, first)
        settings.build_file.unlink()
        with open_build(settings) as connection:
            restored = history_tables(settings, connection)
            assert {table: rows for table, rows in restored.items() if rows} == {
                "risk.user_risk_tiers_history": 5,
                "ml.churn_scores": 5,
                "ml.model_report": 4,
            }
            assert {"ml.definition_scores", "ml.model_health"} < restored.keys()
            assert history_tables(settings, connection) == {}, "what is there is left alone"
        second = ledger.begin_run("score", settings.source, first.as_of_date.replace(day=2))
        build_day(settings, second)
        publish(settings, ledger, second)
    assert _remembered(settings) == [(first.run_id, "low", 5), (second.run_id, None, 5)]


def _remembered(settings: Settings) -> list[tuple[object, ...]]:
    from tests.faults.publishing import rows_of

    return rows_of(
        settings,
        "select run_id, previous_risk_tier, count(*) from user_risk_tiers_history group by all order by 1",
    )
