"""dbt's own pages."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.warehouse.publish.tiny_build import tiny_settings
from warehouse import dbt_docs
from warehouse.__main__ import main
from warehouse.dbt_docs import write_docs
from warehouse.errors import ContractBreach
from warehouse.settings import Settings


def told_to(settings: Settings, asked: list[Any], content: str) -> Any:
    """Return what stands in for dbt: it notes what it is asked and leaves pages where dbt leaves them."""

    def run(of: Settings, arguments: list[str], variables: dict[str, Any]) -> None:
        asked.append((arguments, variables["as_of_dates"]))
        target = of.dbt_home / "target"
        target.mkdir(parents=True, exist_ok=True)
        (target / "static_index.html").write_text(content)

    return run


def test_the_pages_are_kept_in_one_file_that_only_its_owner_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny_settings(tmp_path)
    monkeypatch.setattr(dbt_docs, "dbt_vars", lambda _, days: {"as_of_dates": str(days[0])})
    asked: list[Any] = []
    for content in ("old", "new"):
        monkeypatch.setattr(dbt_docs, "run_dbt", told_to(settings, asked, content))
        kept = write_docs(settings, date(2026, 6, 30))
    assert kept == settings.dbt_docs
    assert kept.read_text() == "new"
    assert kept.stat().st_mode & 0o077 == 0
    assert list(kept.parent.iterdir()) == [kept]
    assert asked == [(["docs", "generate", "--static"], "2026-06-30")] * 2


def test_where_dbt_fails_the_old_pages_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tiny_settings(tmp_path)
    settings.dbt_docs.parent.mkdir(parents=True)
    settings.dbt_docs.write_text("old")

    def fail(*_: Any) -> None:
        raise ContractBreach("dbt docs failed", "a model", "mend it")

    monkeypatch.setattr(dbt_docs, "dbt_vars", lambda *_: {})
    monkeypatch.setattr(dbt_docs, "run_dbt", fail)
    with pytest.raises(ContractBreach, match="dbt docs failed"):
        write_docs(settings, date(2026, 6, 30))
    assert settings.dbt_docs.read_text() == "old"


def test_before_the_first_day_there_is_nothing_to_tell_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    monkeypatch.setenv("HOLDFAST_SOURCE", "sample_shop")
    monkeypatch.delenv("HOLDFAST_LEDGER_URL", raising=False)
    assert main(["docs"]) == 2
    assert "make run" in capsys.readouterr().err
