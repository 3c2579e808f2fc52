"""The card of a champion, made from the build file and from what is published."""

import duckdb
import pandas as pd
import pytest

from ml.__main__ import main
from ml.card.champion import BUILT, PUBLISHED, write_card_after_training, write_champion_card
from ml.card.facts import reasons_told, settings_as_words, tried_told
from ml.shap_agreement import Agreement
from tests.ml.makers import AS_OF, TRAINED_AS_OF
from tests.ml.shops import environment_of
from warehouse.connections import open_build, open_read_only, writer_lock
from warehouse.errors import Busy, ContractBreach
from warehouse.publish.manifest import DATABASE_NAME


def flat(path):
    return " ".join(path.read_text(encoding="utf-8").split())


def publish(settings):
    """Put the report tables of the build file where readers find them."""
    current = settings.published / "current"
    current.mkdir(parents=True)
    with open_read_only(settings.build_file) as build:
        frames = {
            PUBLISHED.tables[name]: build.execute(f"select * from {relation}").df()
            for name, relation in BUILT.tables.items()
            if name != "tier_consequences"
        }
        newest = f"as_of_date = (select max(as_of_date) from {BUILT.features})"
        frames[PUBLISHED.features] = build.execute(f"select * from {BUILT.features} where {newest}").df()
    with duckdb.connect(str(current / DATABASE_NAME)) as published:
        for relation, frame in frames.items():
            published.register("rows", frame)
            published.execute(f"create table {relation} as select * from rows")


def test_after_a_training_the_champions_card_lies_among_the_reports(trained_once):
    card = trained_once.home / "reports" / "model_card.md"
    told = flat(card)
    assert f"logistic regression, `{trained_once.version}`" in told
    assert "Decision | promoted. There is no champion. Better than the recency rule" in told
    assert "`few_orders_30d`" in told.split("## Other definitions of churn")[1]
    assert (card.with_suffix("") / "reliability.png").is_file()
    assert any(line.startswith("model card: ") for line in trained_once.lines)


def test_the_card_can_be_written_again_elsewhere_and_is_the_same(trained, tmp_path):
    card, *pictures = write_champion_card(trained.settings, trained.ledger, tmp_path / "docs")
    first = trained.settings.reports / "model_card.md"
    assert card.read_bytes() == first.read_bytes()
    assert len(pictures) == 7
    for picture in pictures:
        assert picture.read_bytes() == (first.with_suffix("") / picture.name).read_bytes()


def test_what_is_published_is_read_while_the_build_file_is_being_written(trained, tmp_path):
    publish(trained.settings)
    with writer_lock(trained.settings):
        card, *_ = write_champion_card(trained.settings, trained.ledger, tmp_path / "docs")
    assert card.read_bytes() == (trained.settings.reports / "model_card.md").read_bytes()


def test_a_champion_that_is_not_published_yet_is_read_from_the_build_file(trained, tmp_path):
    publish(trained.settings)
    path = trained.settings.published / "current" / DATABASE_NAME
    with duckdb.connect(str(path)) as published:
        published.execute("update model_report set model_version = 'an-earlier-one'")
    card, *_ = write_champion_card(trained.settings, trained.ledger, tmp_path / "docs")
    assert trained.version in flat(card)
    with writer_lock(trained.settings), pytest.raises(Busy):
        write_champion_card(trained.settings, trained.ledger, tmp_path / "docs")


def test_without_a_champion_there_is_no_card(untrained, tmp_path):
    with pytest.raises(ContractBreach, match=r"has no champion for paid_order_30d.*python -m ml train"):
        write_champion_card(untrained.settings, untrained.ledger, tmp_path)
    with open_build(untrained.settings) as connection:
        assert not write_card_after_training(untrained.settings, untrained.ledger, connection, AS_OF)


def test_a_champion_of_whom_nothing_is_reported_has_no_card(trained, tmp_path):
    with open_build(trained.settings) as connection:
        connection.execute("delete from ml.model_report")
    with pytest.raises(ContractBreach, match=f"train again: `python -m ml train --as-of {TRAINED_AS_OF}`"):
        write_champion_card(trained.settings, trained.ledger, tmp_path)


def test_the_verb_names_the_command_that_makes_the_card_again(trained, tmp_path, monkeypatch, capsys):
    for name, value in environment_of(trained.settings.home).items():
        monkeypatch.setenv(name, value)
    tried = tmp_path / "tried.md"
    tried.write_text("### By a judge\n\nNothing was better.\n")
    monkeypatch.chdir(tmp_path)
    assert main(["model-card", "--to", "docs", "--tried", "tried.md"]) == 0
    card = tmp_path / "docs" / "model_card.md"
    assert capsys.readouterr().out == "docs/model_card.md, with 7 pictures in docs/model_card\n"
    assert "make model-card SOURCE=sample_shop TO=docs TRIED=tried.md" in flat(card)
    tried_section = card.read_text().split("## What was tried\n")[1].split("\n## ")[0]
    assert tried_section.rstrip().endswith("### By a judge\n\nNothing was better.")


def report(**aucs):
    rows = [(name, "roc_auc", auc, auc - 0.02, auc + 0.02) for name, auc in aucs.items()]
    return pd.DataFrame(rows, columns=["candidate", "metric", "value", "lower", "upper"])


def searched(trials, parameters):
    return {"search": {"trials": trials, "parameters": parameters, "validated_on": "later snapshots"}}


def test_what_the_search_found_is_told_with_its_trials():
    metadata = searched(
        {"complete": 11, "over budget": 1}, {"blend": {"trees_share": 0.4293}, "elastic_net": {}}
    )
    trials, better = tried_told(metadata, report(blend=0.7))
    assert trials == "Settings: 12 trials (11 complete, 1 over budget), judged on later snapshots."
    assert better == "Better than the defaults by more than noise: blend (trees_share = 0.429)."
    assert "None was better" in tried_told(searched({"complete": 3}, {}), report(blend=0.7))[1]
    assert "No settings were searched" in tried_told(searched({}, {}), report(blend=0.7))[0]


@pytest.mark.parametrize(("last", "is_used_up"), [(0.715, True), (0.695, False)])
def test_candidates_that_are_closer_than_the_noise_are_called_so(last, is_used_up):
    told = tried_told(searched({}, {}), report(recency_rule=0.9, blend=0.73, decision_tree=last))[-1]
    assert "The best 2 of 2 candidates" in told
    assert f"within {0.73 - last:.3f} of each other" in told
    assert "is 0.040 wide" in told
    assert ("nearly used up" in told) is is_used_up


def test_reasons_are_told_with_their_agreement_where_it_can_be_worked_out():
    *_, told = reasons_told(Agreement(2000, 0.951, 0.98765), "2011-09-09")
    assert "2,000 users of 2011-09-09: the strongest theme is the same for 95 %" in told
    assert "0.988" in told
    assert len(reasons_told(None, "2011-09-09")) == 2


def test_settings_of_a_blends_members_stand_under_the_members_name():
    found = {"share": 1 / 3, "boosted_trees": {"max_leaf_nodes": 4}}
    assert settings_as_words(found) == {"share": "0.333", "boosted_trees.max_leaf_nodes": "4"}
