"""B8: dbt dies in the middle and leaves tables and half a target folder; the next run needs no cleaning."""

from pathlib import Path

import pytest

from tests.end_to_end.homes import LAST, copy_of, current, digest, names_in, settings_of
from tests.end_to_end.line import seconds_of, workshop
from tests.end_to_end.stages import STAGES
from warehouse.connections import open_build
from warehouse.publish import PUBLISHED_TABLES
from warehouse.settings import Settings

SHARES = (0.5, 0.8)
LEFTOVERS = {
    "features.user_features__dbt_tmp": "table",
    "features.user_features__dbt_backup": "view",
    "core.dim_users__dbt_tmp": "table",
    "core.dim_users__dbt_backup": "table",
    "intermediate.int_user_days__dbt_tmp": "view",
    "risk.user_risk_tiers_history__dbt_tmp": "table",
    "reporting.at_risk_users__dbt_tmp": "view",
    "reporting.at_risk_users__dbt_backup": "table",
    "seeds.risk_tier_cutoffs__dbt_backup": "table",
}


def _leave_tables_behind(settings: Settings) -> None:
    with open_build(settings) as connection:
        for name, kind in LEFTOVERS.items():
            connection.execute(f"create {kind} {name} as select date '{LAST}' as as_of_date, 'x' as run_id")


def _cut_target_in_half(settings: Settings) -> int:
    files = [path for path in (settings.dbt_home / "target").rglob("*") if path.is_file()]
    for path in files:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return len(files)


@pytest.fixture(scope="module")
def recovered(tmp_path_factory: pytest.TempPathFactory, first_day: Path, last_day: Path) -> Path:
    home = copy_of(first_day, tmp_path_factory.mktemp("dbt-killed"))
    settings, usual = settings_of(home), seconds_of(last_day)
    stages = list(STAGES)
    features, risk = stages.index("build_features"), stages.index("build_risk")
    workshop().run(home, LAST, stages[:features])
    _leave_tables_behind(settings)
    for first, after in ((features, risk), (risk, len(stages))):
        for share in SHARES:
            workshop().kill_midway(home, LAST, stages[first], share * usual[stages[first]])
            assert _cut_target_in_half(settings) > 0
        workshop().run(home, LAST, stages[first:after])
    return home


def test_b8_the_next_run_works_without_cleaning_and_gives_the_same_rows(
    recovered: Path, last_day: Path
) -> None:
    assert digest(current(recovered)) == digest(current(last_day))


def test_b8_readers_see_the_published_names_and_no_other(recovered: Path) -> None:
    assert names_in(current(recovered)) == {table.name for table in PUBLISHED_TABLES}
