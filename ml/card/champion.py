"""The model card of a champion: its reports read, its facts gathered, the card and its pictures written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from ml.card.facts import card_facts, reasons_told, tried_told
from ml.dataset import FEATURE_TABLE, load_themes, table_schema
from ml.model_card import OF_ONE_MODEL, write_model_card
from ml.registry import load_metadata, load_model
from ml.shap_agreement import ROWS, shap_agreement
from ml.trainer import daily_capacity
from warehouse.connections import open_read_only, writer_lock
from warehouse.definitions import definition_in_force, load_definitions
from warehouse.errors import ContractBreach
from warehouse.ledger import Ledger, Model
from warehouse.publish.durable import make_private_folder
from warehouse.publish.manifest import DATABASE_NAME
from warehouse.settings import Settings

CARD = "model_card.md"
TIERS = "tier_consequences"


@dataclass(frozen=True)
class Shelf:
    """Where the reports stand in a file.

    Attributes
    ----------
    tables : mapping of str to str
        ``schema.name`` by the name that readers know.
    features : str
        Features of users of the newest day.
    """

    tables: Mapping[str, str]
    features: str


PUBLISHED = Shelf({name: f"main.{name}" for name in (*OF_ONE_MODEL, TIERS)}, "main.user_features_latest")
BUILT = Shelf({name: f"ml.{name}" for name in OF_ONE_MODEL} | {TIERS: f"reporting.{TIERS}"}, FEATURE_TABLE)


def write_champion_card(
    settings: Settings, ledger: Ledger, folder: Path, *, command: str = "", beside: str = ""
) -> list[Path]:
    """Write the card of the champion of the newest day, from what is published or else the build file.

    Parameters
    ----------
    settings : Settings
        Where models, reports and what is published are kept.
    ledger : Ledger
        Knows the champion.
    folder : Path
        Where `model_card.md` is written, with its pictures in `model_card/` beside it.
    command : str
        That makes the card again.
    beside : str
        Markdown that ends the section on what was tried.

    Returns
    -------
    list of Path
        The card and its pictures.

    Raises
    ------
    Busy
        If the build file is needed and being written.
    ContractBreach
        If there is no champion, or nothing is reported of it.
    """
    champion = ledger.champion_for(settings.source, settings.definition_id, date.max)
    if champion is None:
        raise ContractBreach(
            f"{settings.source} has no champion for {settings.definition_id}",
            None,
            "train a model: `python -m ml train --as-of <day>`",
        )
    told = {"command": command, "tried_beside": beside}
    published = settings.published / "current" / DATABASE_NAME
    if published.is_file():
        with open_read_only(published) as connection:
            if _is_told(connection, PUBLISHED, champion):
                return Card(settings, ledger, connection, PUBLISHED).write(champion, folder, told)
    with writer_lock(settings), open_read_only(settings.build_file) as connection:
        return Card(settings, ledger, connection, BUILT).write(champion, folder, told)


def write_card_after_training(
    settings: Settings, ledger: Ledger, connection: duckdb.DuckDBPyConnection, trained_as_of: date
) -> list[Path]:
    """Write the card of the champion of a training's day into the folder of reports.

    Parameters
    ----------
    settings : Settings
        Where models and reports are kept.
    ledger : Ledger
        Knows the champion.
    connection : duckdb.DuckDBPyConnection
        The open build file.
    trained_as_of : date
        The day of the training.

    Returns
    -------
    list of Path
        The card and its pictures; none without a champion, or if this build file does not tell of it, which
        is so for an older one after the file was made anew.
    """
    champion = ledger.champion_for(settings.source, settings.definition_id, trained_as_of)
    if champion is None or not _is_told(connection, BUILT, champion):
        return []
    return Card(settings, ledger, connection, BUILT).write(champion, settings.reports, {})


@dataclass(frozen=True)
class Card:
    """Gathers what a card needs, and writes it."""

    settings: Settings
    ledger: Ledger
    connection: duckdb.DuckDBPyConnection
    shelf: Shelf

    def write(self, model: Model, folder: Path, told: Mapping[str, str]) -> list[Path]:
        """Write the card into a folder and its pictures below it, with further facts; return their paths.

        Raises
        ------
        ContractBreach
            If nothing is reported of the model.
        DamagedFile
            If the model's signature or golden rows do not verify.
        """
        if not _is_told(self.connection, self.shelf, model):
            raise ContractBreach(
                f"Nothing is reported of model {model.model_version}",
                None,
                f"train again: `python -m ml train --as-of {model.trained_as_of}`",
            )
        reports = {name: self._rows(name, model) for name in self.shelf.tables}
        # of the home it is for the owner only, as all reports are; elsewhere it is the asker's
        make_private_folder(self.settings.reports)
        folder.mkdir(parents=True, exist_ok=True)
        facts = self._facts(model, reports["model_report"])
        return write_model_card(reports, {**facts, **told}, folder / CARD)

    def _facts(self, model: Model, report: pd.DataFrame) -> dict[str, Any]:
        metadata = load_metadata(model.model_version, self.settings.models)
        seeds = self.settings.dbt_project / "seeds"
        definitions = load_definitions(self.settings.dbt_project)
        facts = card_facts(
            metadata,
            definition_in_force(definitions, metadata["definition_id"]),
            source=self.settings.source,
            model_version=model.model_version,
            capacity=daily_capacity(seeds / "tier_policy.csv"),
            decision=self.ledger.decision_on(model.model_version),
        )
        mine = report[report["model_version"] == model.model_version]
        facts["tried"] = tried_told(metadata, mine)
        users = self._some_users()
        agreement = None
        if len(users):
            fitted = load_model(model.model_version, self.settings.models)
            agreement = shap_agreement(fitted, users, load_themes(seeds / "reason_texts.csv"))
        facts["reasons"] = reasons_told(agreement, str(users["as_of_date"].max())[:10])
        return facts

    def _rows(self, name: str, model: Model) -> pd.DataFrame:
        """Return a report's rows of the model; of `model_report` also those of other models of its day."""
        relation = self.shelf.tables[name]
        if not table_schema(self.connection, relation):
            return pd.DataFrame()
        column = "trained_as_of" if name == "model_report" else "model_version"
        query = f"select * from {relation} where {column} = ? order by all"
        return self.connection.execute(query, [getattr(model, column)]).df()

    def _some_users(self) -> pd.DataFrame:
        """Return features of as many eligible users of the newest day as reasons are compared for."""
        if not table_schema(self.connection, self.shelf.features):
            return pd.DataFrame({"as_of_date": []})
        query = f"""
            select * from {self.shelf.features}
            where is_eligible and as_of_date = (select max(as_of_date) from {self.shelf.features})
            order by md5(user_id) limit {ROWS}
        """
        return self.connection.execute(query).df()


def _is_told(connection: duckdb.DuckDBPyConnection, shelf: Shelf, model: Model) -> bool:
    relation = shelf.tables["model_report"]
    if not table_schema(connection, relation):
        return False
    query = f"select count(*) from {relation} where model_version = ?"
    row = connection.execute(query, [model.model_version]).fetchone()
    return bool(row and row[0])
