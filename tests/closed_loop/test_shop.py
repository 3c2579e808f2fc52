"""The simulated shop's own seeds."""

from pathlib import Path

from campaigns.policy import load_policy
from closed_loop.shop import HOLDOUT_SHARE, make_project, settings_of
from closed_loop.sizes import SIZES
from warehouse.definitions import load_definitions
from warehouse.settings import REPOSITORY


def test_the_shop_has_its_own_seeds_and_the_products_models(tmp_path: Path) -> None:
    size = SIZES["small"]
    make_project(tmp_path, size)
    settings = settings_of(tmp_path)
    assert settings.dbt_project == tmp_path / "dbt_project"
    policy = load_policy(settings.dbt_project)
    assert {name: one.daily_capacity for name, one in policy.campaigns.items()} == size.capacity
    assert {one.holdout_share for one in policy.campaigns.values()} == {HOLDOUT_SHARE}
    assert (
        policy.global_control.holdout_share
        == load_policy(REPOSITORY / "dbt_project").global_control.holdout_share
    )
    assert [one.definition_id for one in load_definitions(settings.dbt_project)] == [settings.definition_id]
    ours, theirs = (
        {path.relative_to(folder) for path in (folder / "models").rglob("*.sql")}
        for folder in (settings.dbt_project, REPOSITORY / "dbt_project")
    )
    assert ours == theirs
    assert len(ours) > 50


def test_a_home_sends_what_it_decides(tmp_path: Path) -> None:
    assert settings_of(tmp_path).sending
