"""The HTTP API under load: a million users published, a server and callers on the cores of one machine."""

import asyncio
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import in_own_process
from benchmarks.report import Figure, Section
from benchmarks.served_users import DAYS_OF_HISTORY, LISTED_SHARE, SOURCE, publish_users
from serving.keys import make_key
from warehouse.connections import PUBLISHED_GROUP_ROWS
from warehouse.ledger import Ledger, utc_now
from warehouse.settings import REPOSITORY, Settings

USERS = 1_000_000
REQUESTS_A_SECOND = 200
SECONDS = 20
CONNECTIONS = 16
MOST_MILLISECONDS = 25.0
MOST_LIST_SECONDS = 3.0
# what a list may add to the server's memory, however long it is: a piece of it, and what DuckDB sorts
MOST_GROWTH_MEGABYTES = 512.0
START_SECONDS = 120.0
PULLS = 3
ROW_BEGINS = b'{"as_of_date"'


@dataclass(frozen=True)
class Measured:
    """What a load took."""

    published_seconds: float
    file_megabytes: float
    milliseconds: Sequence[float]
    failed: int
    cpu_milliseconds: float
    late_milliseconds: float
    list_seconds: float
    list_megabytes: float
    growth_megabytes: float
    resting_megabytes: float


def measure_serving(folder: Path, *, users: int = USERS, seconds: int = SECONDS) -> Section:
    """Publish made-up tiers, start the real server, ask it for users and for the whole list."""
    measured = in_own_process(load_server, folder / "serving", users, seconds)
    if measured.failed:
        raise RuntimeError(f"{measured.failed} of {len(measured.milliseconds)} requests failed")
    listed = int(users * LISTED_SHARE)
    figures = (
        Figure(
            f"one user's risk of {users:,}, at {REQUESTS_A_SECOND} a second: p99",
            percentile(measured.milliseconds, 0.99),
            MOST_MILLISECONDS,
            "ms",
            1.0,
            "allowed",
        ),
        Figure(
            "the same: median",
            statistics.median(measured.milliseconds),
            MOST_MILLISECONDS,
            "ms",
            None,
            "the p99's",
        ),
        Figure(
            f"{listed:,} rows as JSON Lines", measured.list_seconds, MOST_LIST_SECONDS, "s", 1.0, "allowed"
        ),
        Figure(
            "the server's memory, grown by lists",
            measured.growth_megabytes,
            MOST_GROWTH_MEGABYTES,
            "MiB",
            1.0,
            "allowed",
        ),
    )
    text = (
        f"{users:,} users with {DAYS_OF_HISTORY} days of tiers are published in SQL "
        f"({measured.published_seconds:.0f} s, {measured.file_megabytes:,.0f} MiB in groups of "
        f"{PUBLISHED_GROUP_ROWS:,} rows), and `python -m serving serve` serves them from a process of its "
        "own. Callers on the same cores ask for users drawn at random at "
        f"{REQUESTS_A_SECOND} a second for {seconds} s over {CONNECTIONS} connections; a request's time runs "
        "from the moment at which it was due, so a server that falls behind is not spared (the latest was "
        f"sent {measured.late_milliseconds:.0f} ms late). Each costs the server "
        f"{measured.cpu_milliseconds:.1f} ms of CPU, is authorised, and in the audit on the disk before its "
        f"answer leaves. Then the whole list is pulled {PULLS} times as JSON Lines "
        f"({measured.list_megabytes:,.0f} MiB): the median. The server's peak was "
        f"{measured.resting_megabytes:,.0f} MiB before the lists."
    )
    return Section("The HTTP API under load", text, figures=figures)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of the values do not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def load_server(home: Path, users: int, seconds: int) -> Measured:
    """Publish, serve and ask; returns what was measured."""
    settings = _settings(home)
    began = time.perf_counter()
    path = publish_users(settings, users)
    published = time.perf_counter() - began
    key = _key(settings)
    with served(settings) as (port, process):
        asyncio.run(_ask(port, key, users, 2, REQUESTS_A_SECOND // 4))
        before = _cpu_seconds(process)
        times = asyncio.run(_ask(port, key, users, seconds, REQUESTS_A_SECOND))
        cpu = _cpu_seconds(process) - before
        resting = _peak_megabytes(process)
        pulls = [asyncio.run(_pull(port, key)) for _ in range(PULLS)]
        growth = _peak_megabytes(process) - resting
    rows = {lines for _, _, lines in pulls}
    if rows != {int(users * LISTED_SHARE)}:
        raise RuntimeError(f"lists of {sorted(rows)} rows came")
    return Measured(
        published_seconds=published,
        file_megabytes=path.stat().st_size / 1024**2,
        milliseconds=[one for one, _, _ in times],
        cpu_milliseconds=1000 * cpu / len(times),
        failed=sum(status != 200 for _, status, _ in times),
        late_milliseconds=max(late for _, _, late in times),
        list_seconds=statistics.median(took for took, _, _ in pulls),
        list_megabytes=pulls[0][1] / 1024**2,
        growth_megabytes=max(growth, 0.0),
        resting_megabytes=resting,
    )


@contextmanager
def served(settings: Settings) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run the server in a process of its own; yields its port and the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "HOLDFAST_HOME": str(settings.home),
        "HOLDFAST_SOURCE": settings.source,
        "HOLDFAST_LEDGER_URL": settings.ledger_url,
        "HOLDFAST_PORT": str(port),
    }
    with (settings.home / "serving.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "serving", "serve"],
            cwd=REPOSITORY,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for(port, process, settings.home / "serving.log")
        yield port, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")


async def _ask(
    port: int, key: str, users: int, seconds: int, a_second: int
) -> list[tuple[float, int, float]]:
    """Ask for users at a steady pace; returns (ms since due, status, ms sent late) of each request."""
    chance = random.Random(7)  # noqa: S311  the same users in every run
    numbers = iter(range(seconds * a_second))
    begins = time.perf_counter() + 0.1
    found: list[tuple[float, int, float]] = []

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            due = begins + number / a_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sent = time.perf_counter()
            user = f"u{chance.randrange(users):08}"
            writer.write(_request(f"/v1/users/{user}/risk", key))
            status = await _answer(reader)
            found.append((1000 * (time.perf_counter() - due), status, 1000 * (sent - due)))
        writer.close()

    await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))
    return found


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


async def _pull(port: int, key: str) -> tuple[float, int, int]:
    """Pull the whole list as JSON Lines; returns seconds, bytes and lines."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_request("/v1/at-risk", key, "Accept: application/x-ndjson\r\nConnection: close\r\n"))
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise RuntimeError(f"the list was refused: {head.decode()}")
    size, lines, before = 0, 0, b""
    while part := await reader.read(1 << 20):
        size += len(part)
        lines += (before + part).count(ROW_BEGINS)
        # what may be the beginning of a row that the next part goes on with
        before = part[-len(ROW_BEGINS) + 1 :]
    writer.close()
    return time.perf_counter() - began, size, lines


def _request(path: str, key: str, more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n{more}\r\n".encode()


def _peak_megabytes(process: subprocess.Popen[bytes]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    line = next(one for one in status.splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _settings(home: Path) -> Settings:
    home.mkdir(parents=True, exist_ok=True)
    return Settings(home=home, source=SOURCE, ledger_url=f"sqlite:///{home / 'ledger' / 'ledger.db'}")


def _key(settings: Settings) -> str:
    key, text = make_key(
        "benchmark",
        frozenset({"risk:read", "users:read"}),
        now=utc_now(),
        by="benchmark",
        field_sets=frozenset({"risk", "profile"}),
        requests_per_minute=100_000,
    )
    with Ledger.open(settings) as ledger:
        ledger.add_key(key, by="benchmark")
    return text
