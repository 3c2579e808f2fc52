"""An older ledger comes up to date with everything that is in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection

from warehouse.ledger import Ledger
from warehouse.ledger.store import MIGRATIONS, make_engine

NINETY = "paid_order_90d"
MODELS = [
    ("a", "shop", "2024-03-03", 90, "accepted", "2024-03-05 06:00:00+00:00"),
    ("b", "shop", "2024-03-10", 90, "accepted", "2024-03-10 06:00:00+00:00"),
    ("c", "shop", "2024-03-10", 90, "accepted", "2024-03-11 06:00:00+00:00"),
    ("d", "shop", "2024-03-17", 90, "rejected", "2024-03-17 06:00:00+00:00"),
    ("e", "shop", "2024-03-17", 90, "withdrawn", "2024-03-17 06:00:00+00:00"),
    ("f", "shop", "2024-03-10", 30, "accepted", "2024-03-12 06:00:00+00:00"),
    ("g", "other", "2024-03-24", 90, "accepted", "2024-03-24 06:00:00+00:00"),
]
USES = [
    ("shop", "2024-03-11", "b"),
    ("shop", "2024-03-12", "f"),
    ("shop", "2024-03-13", "forgotten"),
]


@contextmanager
def older_ledger(url: str, revision: str) -> Iterator[Connection]:
    """Open a database whose schema is of an older version."""
    url = url.replace("postgresql://", "postgresql+psycopg://")
    engine = make_engine(url)
    try:
        with engine.connect() as plain:
            connection = plain.execution_options(holdfast_writes=True)
            with connection.begin():
                config = Config()
                config.set_main_option("script_location", str(MIGRATIONS))
                config.set_main_option("path_separator", "os")
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
                yield connection
    finally:
        engine.dispose()


@pytest.fixture
def migrated(ledger_url: str, tmp_path: Path) -> Iterator[Ledger]:
    """Return a ledger of the first version with models and uses, brought up to date."""
    (tmp_path / "ledger").mkdir()
    with older_ledger(ledger_url, "001") as connection:
        for model in MODELS:
            connection.execute(
                sa.text(
                    "insert into models (model_version, source, trained_as_of, horizon_days, status, "
                    "created_at, kind, path, metrics_json) values (:a, :b, :c, :d, :e, :f, 'trees', :a, '{}')"
                ),
                dict(zip("abcdef", model, strict=True)),
            )
        for use in USES:
            connection.execute(
                sa.text(
                    "insert into model_uses (source, as_of_date, model_version, pinned_at) "
                    "values (:a, :b, :c, '2024-03-13 07:00:00+00:00')"
                ),
                dict(zip("abc", use, strict=True)),
            )
    with Ledger(ledger_url) as opened:
        yield opened


def test_accepted_models_become_the_champions_that_they_were(migrated: Ledger) -> None:
    statuses = {model.model_version: model.status for model in migrated.models("shop")}
    assert statuses == {
        "a": "retired",
        "b": "retired",
        "c": "champion",
        "d": "refused",
        "e": "withdrawn",
        "f": "champion",
    }
    days = [date(2024, 3, day) for day in (2, 3, 9, 10, 30)]
    found = [migrated.champion_for("shop", NINETY, day) for day in days]
    assert [model and model.model_version for model in found] == [None, "a", "a", "c", "c"]
    of_thirty = migrated.champion_for("shop", "paid_order_30d", date(2024, 3, 30))
    assert of_thirty is not None
    assert of_thirty.model_version == "f"


def test_their_promotions_are_on_the_record(migrated: Ledger) -> None:
    made = migrated.model_decisions("shop", NINETY)
    assert [(one.challenger, one.champion, one.verdict) for one in made] == [
        ("a", None, "promoted"),
        ("b", "a", "promoted"),
        ("c", "b", "promoted"),
    ]
    assert {one.decided_by for one in made} == {"migration"}
    assert made[0].decided_at == migrated.model("a").created_at


def test_decisions_go_on_counting_after_them(migrated: Ledger) -> None:
    before = [one.decision_number for source in ("shop", "other") for one in migrated.model_decisions(source)]
    assert len(set(before)) == 5
    made = migrated.roll_back_champion("shop", NINETY, decided_by="ada")
    assert made.challenger == "b"
    assert made.decision_number == max(before) + 1


def test_scored_days_keep_their_model_under_its_definition(migrated: Ledger) -> None:
    def model(day: int, definition_id: str) -> str | None:
        use = migrated.model_for_day("shop", date(2024, 3, day), definition_id)
        return use.model_version if use else None

    assert [model(day, NINETY) for day in (11, 12, 13)] == ["b", None, "forgotten"]
    assert model(12, "paid_order_30d") == "f"
