"""Listing, comparing, pinning and rolling back models by hand, on models that were really saved."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from ml.__main__ import main
from ml.model_comparison import compare_models
from ml.registry import save_model
from tests.ml.quick import learn_quickly
from warehouse.errors import DamagedFile
from warehouse.ledger import Ledger, Model
from warehouse.settings import Settings

SUNDAY = date(2025, 1, 5)
WEEK = timedelta(days=7)
DEFINITION = "paid_order_90d"


@pytest.fixture(scope="module")
def outcome():
    return replace(learn_quickly(), definition_id=DEFINITION)


@pytest.fixture
def shop(tmp_path, monkeypatch, outcome):
    """Return settings and versions: two champions one week apart, and a challenger that was not better."""
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    monkeypatch.setenv("HOLDFAST_SOURCE", "sample_shop")
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    settings = Settings.from_environment()
    versions = []
    with Ledger.open(settings) as ledger:
        for week, verdict in enumerate(("promoted", "promoted", "kept")):
            day = SUNDAY + week * WEEK
            model = replace(outcome.model, trained_as_of=day, parameters={"shrinkage": 0.5} if week else {})
            version = save_model(replace(outcome, model=model), settings.models)
            ledger.record_model(
                Model(
                    version,
                    "sample_shop",
                    day,
                    30,
                    model.candidate,
                    "challenger",
                    version,
                    "{}",
                    None,
                    DEFINITION,
                )
            )
            champion = ledger.champion_for("sample_shop", DEFINITION, day)
            ledger.record_decision(
                version,
                verdict,
                f"{verdict} in week {week}",
                judged_against=champion.model_version if champion else None,
            )
            versions.append(version)
    return settings, versions


def said(capsys, *arguments):
    """Run one verb and return its status and what it printed."""
    status = main(list(arguments))
    told = capsys.readouterr()
    return status, told.out, told.err


def champion(settings, day=SUNDAY + 9 * WEEK):
    with Ledger.open(settings) as ledger:
        return ledger.champion_for("sample_shop", DEFINITION, day).model_version


def test_the_list_marks_the_champion_and_shows_how_good_each_was(shop, capsys):
    _, (first, second, third) = shop
    status, out, _ = said(capsys, "list")
    assert status == 0
    title, header, *rows = out.splitlines()
    assert title == DEFINITION
    assert header.split()[:2] == ["model", "status"]
    assert [row.split()[:2] for row in rows] == [[first, "retired"], ["*", second], [third, "challenger"]]
    assert rows[1].split()[2:5] == ["champion", "2025-01-12", "logistic_regression"]
    assert " to 0." in rows[1]


def test_the_list_says_which_model_cannot_be_used(shop, capsys):
    settings, versions = shop
    (settings.models / versions[0] / "model.skops").write_bytes(b"PK")
    _, out, _ = said(capsys, "list")
    assert "cannot be used: The signature of model" in out.splitlines()[2]


def test_without_models_the_list_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    assert "python -m ml train" in said(capsys, "list")[1]
    assert "Nothing was decided yet" in said(capsys, "decisions")[1]


def test_two_models_side_by_side_with_what_differs_marked(shop, capsys):
    _, (first, second, _third) = shop
    status, out, _ = said(capsys, "compare", first, second)
    assert status == 0
    rows = {line[2:16].strip(): line for line in out.splitlines()}
    assert rows["settings"].startswith("≠ settings")
    assert "as they come" in rows["settings"]
    assert "shrinkage 0.5" in rows["settings"]
    assert rows["candidate"].startswith("  candidate")
    assert "2025-01-05" in rows["trained as of"]
    assert "the same libraries" in rows["made with"]
    assert f"{second} (champion): promoted on 2025-01-12. promoted in week 1" in out


def test_a_comparison_is_a_frame_for_a_program(shop):
    settings, (first, second, _third) = shop
    frame = compare_models(first, second, settings.models).set_index("what")
    assert list(frame.columns) == ["first", "second", "is_different"]
    assert frame.loc["settings", "is_different"]
    assert not frame.loc["ROC-AUC", "is_different"]
    assert frame.loc["definition", "first"] == DEFINITION
    with pytest.raises(DamagedFile, match="There is no model"):
        compare_models(first, "churn-nowhere", settings.models)


def test_inputs_and_libraries_that_only_one_model_has_are_named(tmp_path, outcome, monkeypatch):
    first = save_model(outcome, tmp_path)
    contract = replace(outcome.model.contract, features=outcome.model.contract.features[1:])
    monkeypatch.setattr("ml.registry.platform.python_version", lambda: "3.99.0")
    second = save_model(replace(outcome, model=replace(outcome.model, contract=contract)), tmp_path)
    frame = compare_models(first, second, tmp_path).set_index("what")
    left_out = outcome.model.contract.features[0].name
    assert frame.loc["inputs", "first"].endswith(f"only here: {left_out}")
    assert frame.loc["python", "second"] == "3.99.0"
    assert "made with" not in frame.index


def test_a_part_of_a_version_is_enough_when_no_other_has_it(shop, capsys):
    _, (first, _second, _third) = shop
    assert said(capsys, "compare", "20250105", "20250112")[0] == 0
    status, _, err = said(capsys, "pin", "churn-2025")
    assert status == 2
    assert "More than one model of sample_shop is called that" in err
    assert first in err
    status, _, err = said(capsys, "pin", "nowhere")
    assert status == 2
    assert "No model of sample_shop" in err


def test_a_pinned_model_is_champion_until_it_is_unpinned(shop, capsys):
    settings, (first, second, _third) = shop
    status, out, _ = said(capsys, "pin", "20250105", "--from", "2025-02-01", "--reason", "audit")
    assert status == 0
    assert f"{first} is pinned for {DEFINITION} from 2025-02-01 on, in place of {second}" in out
    assert champion(settings) == first
    assert champion(settings, date(2025, 1, 31)) == second
    assert f"{DEFINITION}, {first} is pinned" in said(capsys, "list")[1]
    status, out, _ = said(capsys, "unpin", "--from", "2025-02-10")
    assert status == 0
    assert f"{first} is no longer pinned" in out
    assert "is pinned" not in said(capsys, "list")[1]
    out = said(capsys, "decisions")[1]
    assert f"pinned {first} (champion before: {second}), by ada" in out
    assert "audit" in out


def test_a_model_cannot_be_pinned_from_before_it_was_trained(shop, capsys):
    status, _, err = said(capsys, "pin", "20250112", "--from", "2025-01-11")
    assert status == 2
    assert "would know the future" in err


def test_a_damaged_model_is_neither_pinned_nor_put_back(shop, capsys):
    settings, (first, second, _third) = shop
    (settings.models / first / "golden_rows.parquet").write_bytes(b"")
    for verb in (["pin", first], ["rollback"]):
        status, _, err = said(capsys, *verb)
        assert status == 2
        assert "The signature of model" in err
    assert champion(settings) == second


def test_pinning_a_refused_model_says_why_it_was_refused(shop, capsys, outcome):
    settings, _ = shop
    model = replace(outcome.model, trained_as_of=SUNDAY + 5 * WEEK)
    version = save_model(replace(outcome, model=model), settings.models)
    with Ledger.open(settings) as ledger:
        ledger.record_model(
            Model(version, "sample_shop", model.trained_as_of, 90, model.candidate, "challenger", version)
        )
        ledger.record_decision(version, "refused", "Suspected leak: x.", judged_against=None)
    status, out, _ = said(capsys, "pin", version)
    assert status == 0
    assert f"Mind that {version} was refused: Suspected leak: x." in out
    assert champion(settings) == version


def test_a_rollback_puts_the_champion_before_back_and_a_second_has_nothing_to_put_back(shop, capsys):
    settings, (first, second, _third) = shop
    status, out, _ = said(capsys, "rollback", "--reason", "complaints")
    assert status == 0
    assert f"{second} is withdrawn for {DEFINITION}; {first} is champion again, from 2025-01-12 on" in out
    assert champion(settings) == first
    assert f"rolled back {first} (champion before: {second})" in said(capsys, "decisions")[1]
    status, _, err = said(capsys, "rollback")
    assert status == 2
    assert "There was no champion" in err


def test_decisions_are_told_oldest_first_and_only_the_last_ones_if_asked(shop, capsys):
    _, (first, _second, third) = shop
    out = said(capsys, "decisions")[1]
    assert out.splitlines()[0].split()[:5] == ["1", "2025-01-05", DEFINITION, "promoted", f"{first},"]
    assert "promoted in week 0" in out.splitlines()[1]
    last = said(capsys, "decisions", "--last", "1", "--definition", DEFINITION)[1]
    assert last.splitlines()[0].split()[:5] == ["3", "2025-01-19", DEFINITION, "kept", third]
    assert "Nothing was decided" in said(capsys, "decisions", "--definition", "personal")[1]
