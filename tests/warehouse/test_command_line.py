from pathlib import Path

import pytest

from tests.warehouse.publish.tiny_build import begin_and_build, tiny_settings
from warehouse.__main__ import main
from warehouse.connections import writer_lock
from warehouse.ledger import Ledger
from warehouse.publish import served_run_id
from warehouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    monkeypatch.setenv("HOLDFAST_SOURCE", "tiny_shop")
    monkeypatch.delenv("HOLDFAST_LEDGER_URL", raising=False)
    return tiny_settings(tmp_path)


def test_a_day_is_published_checked_shown_and_rolled_back(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = []
    for day_number in (0, 1):
        with Ledger.open(settings) as ledger:
            runs.append(begin_and_build(settings, ledger, day_number).run_id)
        assert main(["publish", "--run", runs[-1]]) == 0
    assert main(["check"]) == 0
    assert main(["show-list", "--top", "3"]) == 0
    assert main(["status"]) == 0
    assert main(["rollback", "--run", runs[0]]) == 0
    assert served_run_id(settings) == runs[0]
    said = capsys.readouterr().out
    for words in ("readers see it", ": sound", "Tiers of 5 scored users", f"put back from run {runs[1]}"):
        assert words in said


def test_an_error_says_what_to_do_and_ends_with_2(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check"]) == 2
    assert "To do: run a day" in capsys.readouterr().err
    assert main(["rollback", "--run", "20240301-000009"]) == 2
    assert "20240301-000009" in capsys.readouterr().err


def test_a_busy_build_file_ends_with_75_so_that_a_scheduler_tries_again(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with Ledger.open(settings) as ledger:
        run = begin_and_build(settings, ledger)
    with writer_lock(settings):
        assert main(["publish", "--run", run.run_id]) == 75
    assert "busy:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["show-list", "--top", "0"], ["show-list", "--as-of", "08/03"], ["fly"], []]
)
def test_wrong_arguments_are_refused(settings: Settings, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
