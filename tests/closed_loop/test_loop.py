"""The whole loop, very small: what holds whatever the figures are."""

import json
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from closed_loop.loop import close_the_loop
from closed_loop.receivers import arrivals_of
from closed_loop.report import Results
from closed_loop.shop import settings_of
from closed_loop.sizes import Size
from sample_shop.interventions import Interventions
from tests.documents_sql import Block, sql_blocks
from warehouse.ledger import Ledger
from warehouse.publish import current_snapshot
from warehouse.settings import REPOSITORY

pytestmark = pytest.mark.slow

SIZE = Size(
    name="tiny",
    users=1_500,
    history_days=135,
    loop_days=36,
    round_days=30,
    learns_from=9,
    judged_days=30,
    seeds=12,
    capacity={"recommendation": 150, "win_back_coupon": 60, "service_call": 8},
    judges_policies=False,
)
SEED = 3
QUERIES = [
    pytest.param(block, id=f"{page}: {block.title}")
    for page in ("README.md", "docs/campaigns.md")
    for block in sql_blocks(REPOSITORY / page)
]
# what a shop may hope for: nothing harms, and this user was never chosen
ONE_USER = "everything about one user: score, assignment, contact, outcome"
MAY_FIND_NOTHING = ("does it harm anything?", ONE_USER)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home") / "closed_loop"


@pytest.fixture(scope="module")
def results(folder: Path) -> Results:
    return close_the_loop(folder, SIZE, SEED, minutes=30)


def test_nobody_who_is_held_out_is_reached_by_any_door(folder: Path, results: Results) -> None:
    told = results.homes["learned"]
    assert told["users_protected"] > 20
    assert (told["contamination"], told["protected_reached"]) == (0, 0)


def test_every_message_arrives_once_and_with_its_user(folder: Path, results: Results) -> None:
    home = folder / "work" / "learned"
    arrived = [one.message_id for one in arrivals_of(home / "arrivals.jsonl")]
    with Ledger.open(settings_of(home)) as ledger:
        sent = [one for one in ledger.messages("sample_shop") if one.state == "sent"]
    assert len(arrived) == len(set(arrived)) > 100
    assert set(arrived) == {one.message_id for one in sent if one.channel != "call"}
    assert results.homes["learned"]["misdirected"] == 0


def test_what_arrived_comes_back_as_deliveries_of_the_shop(folder: Path, results: Results) -> None:
    home = folder / "work" / "learned"
    outcomes = pd.read_parquet(home / "closed_loop" / "campaign_user_outcomes.parquet")
    contacted = outcomes[outcomes["contacts"] > 0]
    assert set(contacted["arm"]) == {"treatment"}
    assert len(contacted) > 100
    # the first round's users are followed to the end of their goal days
    assert outcomes["is_complete"].any()
    assert Interventions.read(home / "interventions.parquet", _world()).user.size >= len(contacted)


def test_the_report_is_for_people_and_for_machines(folder: Path, results: Results) -> None:
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["contamination"] == 0
    assert {"coverage_of_saved_users", "coverage_of_net_margin", "policy_over_oracle"} <= summary.keys()
    assert summary["coverage_worlds"] == SIZE.seeds
    assert summary["is_shown"] == results.is_shown
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "contamination" in text
    for name in ("earnings.png", "coverage.png", "policies.csv", "experiments.parquet"):
        assert (folder / name).stat().st_size > 100


def test_the_intervals_of_small_worlds_cover_the_truth(results: Results) -> None:
    coverage = next(one for one in results.targets if one.name == "coverage of saved users")
    assert coverage.is_met
    assert (results.coverage["saved_users_truth"] > 0).all()


@pytest.mark.parametrize("block", QUERIES)
def test_every_query_of_the_pages_is_answered_where_campaigns_ran(
    folder: Path, results: Results, block: Block
) -> None:
    served = current_snapshot(settings_of(folder / "work" / "learned"))
    with duckdb.connect(str(served / "holdfast.duckdb"), read_only=True) as connection:
        found = connection.execute(block.sql).fetchall()
    assert found or block.title in MAY_FIND_NOTHING


def test_one_query_tells_everything_about_a_user(folder: Path, results: Results) -> None:
    (block,) = [one for one in sql_blocks(REPOSITORY / "docs" / "campaigns.md") if one.title == ONE_USER]
    served = current_snapshot(settings_of(folder / "work" / "learned"))
    with duckdb.connect(str(served / "holdfast.duckdb"), read_only=True) as connection:
        (user,) = connection.execute(
            "select min(user_id) from campaign_trail where handed_over_at is not null and is_complete"
        ).fetchall()[0]
        answer = connection.execute(block.sql.replace("u0000042", user))
        names = [column[0] for column in answer.description]
        rows = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    reached = [row for row in rows if row["handed_over_at"] is not None]
    assert {row["arm"] for row in reached} == {"treatment"}
    assert None not in {row["churn_probability"] for row in reached}
    assert any(row["churned"] is not None and row["net_margin"] is not None for row in reached)


def _world():
    from closed_loop.world import world_of

    return world_of(SIZE, SEED)
