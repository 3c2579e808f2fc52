"""G2: what a seed of campaigns holds is data, whatever is written in it: it is compared, never run."""

from pathlib import Path

import pytest

from tests.warehouse.campaign_makers import DAY, build, consent, decide, prepare_decisions, score
from tests.warehouse.dbt_makers import Shop
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.errors import ContractBreach

USERS = [f"u{i}" for i in range(60)]
SECRET = "canary-7f3a91c05e"
POLICY = "seeds.campaign_policy"
ATTACKS = (
    "x'; drop table seeds.offers; --",
    "x') union all select content from read_text('{canary}') --",
    "{{{{ env_var('CANARY') }}}}",
    "{{% do run_query('drop table seeds.offers') %}}",
    "\"; copy (select 1) to '{canary}.stolen'; --",
    "\\x27 or 1=1 --",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("g2"))
    prepare_decisions(shop)
    score(shop, {user: {} for user in USERS})
    consent(shop, dict.fromkeys(USERS, ("email",)))
    decide(shop)
    return shop


def texts(shop: Shop) -> str:
    tables = shop.rows("select table_name from duckdb_tables() where schema_name = 'campaigns'")
    views = shop.rows("select view_name from duckdb_views() where schema_name = 'campaigns'")
    assert len(tables) + len(views) > 8
    return "\n".join(
        repr(shop.rows(f"select * from campaigns.{name}"))
        for (name,) in [*tables, *views]
        if not name.startswith("int_")
    )


def test_no_column_of_a_policy_is_run(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = tmp_path / "canary"
    canary.write_text(SECRET)
    monkeypatch.setenv("CANARY", SECRET)
    columns = ("campaign_id", "salt", "channels", "risk_tiers", "trigger_codes", "excluded_codes", "offer_id")
    before = shop.rows("select count(*) from seeds.offers")
    for number, attack in enumerate(ATTACKS):
        written = attack.format(canary=canary).replace("'", "''")
        changed = ", ".join(f"'{written}' as {column}" for column in columns)
        shop.write(
            f"insert into {POLICY} select * replace ({changed}, 'hostile_{number}' as experiment_id, "
            f"{100 + number} as priority) from {POLICY} where campaign_id = 'recommendation'"
        )
    build(shop, DAY, "path:models/marts/campaigns")
    assert shop.rows("select count(*) from seeds.offers") == before
    assert not (tmp_path / "canary.stolen").exists()
    assert SECRET not in texts(shop)
    eligible = dict(
        shop.rows(
            "select experiment_id, count(*) filter (where is_eligible) "
            "from campaigns.campaign_eligibility group by experiment_id"
        )
    )
    assert eligible["recommendation_1"] > 20
    assert {eligible[f"hostile_{number}"] for number in range(len(ATTACKS))} == {0}


def test_a_line_with_anything_but_plain_words_stops_the_build(shop: Shop) -> None:
    command = ["test", "--quiet", "--select", "campaign_policy,test_type:data"]
    with pytest.raises(ContractBreach, match="campaigns_are_named_in_plain_words"):
        run_dbt(shop.settings, command, dbt_vars(shop.settings, [DAY]))
    shop.write(f"delete from {POLICY} where experiment_id like 'hostile%'")
    run_dbt(shop.settings, command, dbt_vars(shop.settings, [DAY]))
