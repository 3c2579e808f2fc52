"""Whatever a model may read can be told as a reason, in both languages."""

import csv
from pathlib import Path

import pytest
import yaml

from ml.buy_till_you_die import BuyTillYouDie
from ml.purchase_rhythm import PurchaseRhythm
from warehouse.definitions import load_definitions
from warehouse.settings import REPOSITORY

PROJECT = REPOSITORY / "dbt_project"
FEATURES_YAML = PROJECT / "models" / "marts" / "features" / "_features__models.yml"
KEYS = {"as_of_date", "user_id", "is_eligible"}
HORIZONS = sorted({definition.horizon_days for definition in load_definitions(PROJECT)})


def texts() -> dict[str, dict[str, str]]:
    with (PROJECT / "seeds" / "reason_texts.csv").open(encoding="utf-8", newline="") as lines:
        return {row["reason_code"]: row for row in csv.DictReader(lines)}


def features() -> set[str]:
    models = yaml.safe_load(FEATURES_YAML.read_text(encoding="utf-8"))["models"]
    (columns,) = [model["columns"] for model in models if model["name"] == "user_features"]
    return {column["name"] for column in columns} - KEYS


def worked_out(horizon_days: int) -> dict[str, str]:
    """Return the inputs that are worked out for a horizon, with their themes."""
    model = BuyTillYouDie(*[1.0] * len(BuyTillYouDie.__dataclass_fields__))
    return dict(PurchaseRhythm(model, horizon_days).themes)


def test_every_input_has_a_sentence_and_no_sentence_is_left_over() -> None:
    derived = {name for horizon in HORIZONS for name in worked_out(horizon)}
    assert len(features()) > 100
    assert len(derived) > len(HORIZONS)
    assert set(texts()) == features() | derived


def test_every_sentence_has_room_for_the_value_in_both_languages() -> None:
    assert texts()
    for code, row in texts().items():
        assert "{value}" in row["sentence_en"], code
        assert "{value}" in row["sentence_zh"], code
        assert bool(row["unknown_en"]) == bool(row["unknown_zh"]), code
        assert row["theme"], code


@pytest.mark.parametrize("horizon_days", HORIZONS)
def test_the_seed_and_the_model_agree_on_what_a_worked_out_input_is_about(horizon_days: int) -> None:
    assert {name: texts()[name]["theme"] for name in worked_out(horizon_days)} == worked_out(horizon_days)


def test_seeds_name_tables_of_the_contract() -> None:
    contract = Path(PROJECT / "macros" / "contract.sql").read_text(encoding="utf-8")
    for table in {row["made_from"] for row in texts().values()} - {""}:
        assert f"'{table}': {{" in contract, table
