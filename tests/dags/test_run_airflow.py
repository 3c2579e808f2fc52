"""`make up`: what runs beside Airflow starts with it, ends with it, and does not take it along."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from dags import run_airflow

QUIET = "import time; time.sleep(60)"


@pytest.fixture
def started(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> dict[str, subprocess.Popen[bytes]]:
    """Replace every part by a process that does nothing, or, of what serves, by one that ends at once."""
    processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(_log: Path, module: str, verb: str) -> subprocess.Popen[bytes]:
        ends = module == "serving" and "that_ends" in request.node.name
        code = "raise SystemExit(3)" if ends else QUIET
        processes[f"{module} {verb}"] = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        return processes[f"{module} {verb}"]

    (tmp_path / "logs").mkdir()
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW__API__PORT", "1")
    monkeypatch.setattr(run_airflow.signal, "signal", lambda *_: None)
    monkeypatch.setattr(run_airflow, "enter", lambda _: tmp_path)
    monkeypatch.setattr(run_airflow, "prepare_database", lambda: None)
    monkeypatch.setattr(run_airflow, "_wait_until_healthy", lambda *_: True)
    monkeypatch.setattr(run_airflow, "_start", start)
    return processes


def stop_after(monkeypatch: pytest.MonkeyPatch, rounds: int) -> None:
    left = iter(range(rounds))

    def sleep(_seconds: float) -> None:
        if next(left, None) is None:
            raise run_airflow.Stopped

    monkeypatch.setattr(run_airflow, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))


def test_the_server_starts_beside_airflow_and_is_stopped_with_it(
    started: dict[str, subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(monkeypatch, 3)
    assert run_airflow.main() == 0
    assert set(started) == {
        "serving serve",
        *(f"airflow {name}" for name in ("api-server", "dag-processor", "scheduler", "triggerer")),
    }
    assert all(process.poll() is not None for process in started.values())


def test_a_server_that_ends_is_told_and_airflow_goes_on(
    started: dict[str, subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended = run_airflow._wait_until_healthy
    monkeypatch.setattr(
        run_airflow,
        "_wait_until_healthy",
        lambda *_: bool(started["serving serve"].wait(20) == 3 and ended()),
    )
    stop_after(monkeypatch, 3)
    assert run_airflow.main() == 0
    told = capsys.readouterr().err
    assert told.count("serving ended with code 3") == 1
    assert "Airflow goes on" in told
