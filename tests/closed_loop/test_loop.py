"""The whole loop, very small: what holds whatever the figures are."""

import json
from pathlib import Path

import pandas as pd
import pytest

from closed_loop.loop import close_the_loop
from closed_loop.receivers import arrivals_of
from closed_loop.report import Results
from closed_loop.shop import settings_of
from closed_loop.sizes import Size
from sample_shop.interventions import Interventions
from warehouse.ledger import Ledger

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


def _world():
    from closed_loop.world import world_of

    return world_of(SIZE, SEED)
