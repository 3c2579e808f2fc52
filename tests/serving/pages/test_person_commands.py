"""People of the dashboard on the command line."""

import io
from pathlib import Path

import pytest

from serving.__main__ import main
from serving.pages.people import is_password
from warehouse.ledger import Ledger
from warehouse.settings import Settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    return tmp_path


def test_somebody_is_added_listed_and_shut_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    assert main(["person", "add", "mei", "--role", "marketer", "--password-stdin"]) == 0
    assert main(["person", "add", "li.wei", "--role", "analyst", "--sso"]) == 0
    assert main(["person", "list"]) == 0
    told = capsys.readouterr().out
    assert "mei may sign in as marketer" in told
    assert "correct horse" not in told
    assert [line.split()[:3] for line in told.splitlines()[-2:]] == [
        ["li.wei", "analyst", "proxy"],
        ["mei", "marketer", "password"],
    ]
    assert main(["person", "disable", "mei"]) == 0
    with Ledger.open(Settings.from_environment()) as ledger:
        mei, wei = ledger.find_person("mei"), ledger.find_person("li.wei")
        actions = [entry.action for entry in ledger.audit_entries()]
    assert mei is not None
    assert wei is not None
    assert is_password("correct horse battery", mei.password_hash)
    assert not is_password("", wei.password_hash)
    assert mei.disabled_at is not None
    assert actions[1:] == ["person.added", "person.added", "person.disabled"]


@pytest.mark.parametrize(
    ("arguments", "password", "said"),
    [
        (["add", "mei", "--role", "admin", "--password-stdin"], "short\n", "12 to 256 characters"),
        (["add", "me i", "--role", "admin", "--password-stdin"], "long enough password\n", "letters, digits"),
        (["add", "mei", "--role", "admin"], "", "use --password-stdin"),
        (["disable", "nobody"], "", "Nobody of this name"),
    ],
)
def test_what_cannot_be_done_says_why_and_what_to_do(
    arguments: list[str], password: str, said: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("sys.stdin", io.StringIO(password))
    assert main(["person", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "To do:" in error


def test_where_nobody_is_yet_the_list_says_how_the_first_is_added(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["person", "list"]) == 0
    assert "python -m serving person add NAME --role admin" in capsys.readouterr().out
