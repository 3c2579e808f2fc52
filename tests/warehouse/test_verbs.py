"""What every command line has in common: verbs, errors in a sentence, exit codes."""

import argparse
import os
from datetime import date
from pathlib import Path

import pytest

from warehouse.command_line import CommandLine, day, exit_code_of, whole_number
from warehouse.errors import Busy, HoldfastError, SettingsError
from warehouse.settings import Settings


@pytest.fixture(autouse=True)
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def failing(error: HoldfastError) -> int:
    def work() -> None:
        raise error

    return exit_code_of(work)


def test_work_that_is_done_ends_with_0_and_is_private(tmp_path: Path) -> None:
    assert exit_code_of(lambda: (tmp_path / "list").write_text("u1") and None) == 0
    assert (tmp_path / "list").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (SettingsError("The shop is not known", "shoop", "name one"), 2, "error: The shop is not known"),
        (Busy("Another process writes", None, "wait"), 75, "busy: Another process writes"),
    ],
)
def test_an_error_is_told_in_a_sentence_and_by_the_exit_code(
    error: HoldfastError, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(error) == code
    assert capsys.readouterr().err.startswith(told)


def test_what_is_no_error_of_ours_is_not_hidden() -> None:
    def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        exit_code_of(work)


def test_a_verb_does_what_it_was_asked_with_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    seen = []

    def show(settings: Settings, asked: argparse.Namespace) -> None:
        """Show some users."""
        seen.append((settings.home, asked.top, asked.on))

    program = CommandLine("python -m shop", "Look after a shop.")
    showing = program.verb("show", show)
    showing.add_argument("--top", type=whole_number, default=10)
    showing.add_argument("--on", type=day)
    assert program.run(["show", "--top", "3", "--on", "2026-06-30"]) == 0
    assert seen == [(tmp_path, 3, date(2026, 6, 30))]
    with pytest.raises(SystemExit):
        program.run(["show", "--help"])
    assert "Show some users." in capsys.readouterr().out


def test_settings_that_cannot_be_used_are_told_as_every_error_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOLDFAST_THREADS", "many")
    program = CommandLine("python -m shop", "Look after a shop.")
    program.verb("show", lambda _settings, _asked: None, "show nothing")
    assert program.run(["show"]) == 2
    assert "HOLDFAST_THREADS" in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "text"), [(day, "30.6.2026"), (whole_number, "0"), (whole_number, "-1")])
def test_an_argument_that_cannot_be_read_is_named(kind, text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=text):
        kind(text)
