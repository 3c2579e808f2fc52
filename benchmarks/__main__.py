"""Measure: ``python -m benchmarks [chain] [features] [increment] [scoring] [contest] [decisions] [relay] …``.

All of it if nothing is named. ``score_requests`` takes the home that the chain has published, or another one
(``--over data``). Trainings follow the settings (HOLDFAST_CANDIDATES and the like); the page says
which were set.
"""

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.chain import Home, measure_chain
from benchmarks.contest import ROWS, measure_contest
from benchmarks.decisions import USERS as DECIDED_USERS
from benchmarks.decisions import measure_decisions
from benchmarks.features import measure_features
from benchmarks.increment import measure_increment
from benchmarks.measure import Cost, in_own_process
from benchmarks.refresh import TOUCHED, measure_refresh
from benchmarks.refresh import USERS as REFRESHED_USERS
from benchmarks.relay import WEBHOOKS, measure_relay
from benchmarks.report import Section, page
from benchmarks.score_requests import measure_score_requests
from benchmarks.scoring import USERS, measure_scoring
from benchmarks.serving import SECONDS, measure_serving
from benchmarks.serving import USERS as SERVED_USERS
from benchmarks.shop import Shop

OF_A_SHOP = ("chain", "features", "increment")
CHOICES = (*OF_A_SHOP, "score_requests", "scoring", "contest", "decisions", "relay", "serving", "refresh")
# Settings that change what a training does.
SAID = ("HOLDFAST_CANDIDATES", "HOLDFAST_SEARCH_TRIALS", "HOLDFAST_SEARCH_SECONDS", "HOLDFAST_FIT_SECONDS")


def main(arguments: list[str] | None = None) -> int:
    """Measure what was asked for, print it and write it; returns 1 if a target was missed."""
    asked = _parser().parse_args(arguments)
    asked.what = asked.what or list(CHOICES)
    if "score_requests" in asked.what and asked.over is None and "chain" not in asked.what:
        asked.what.insert(0, "chain")
    if asked.home is not None:
        asked.home.mkdir(parents=True, exist_ok=True)
        if any(asked.home.glob("history-*")):
            print(f"{asked.home} holds an earlier benchmark: name another folder", file=sys.stderr)
            return 2
        return _measure(asked, asked.home.resolve())
    with TemporaryDirectory(prefix="holdfast-benchmark-") as folder:
        return _measure(asked, Path(folder))


def _measure(asked: argparse.Namespace, folder: Path) -> int:
    sections: list[Section] = []
    if set(asked.what) & set(OF_A_SHOP):
        _measure_shop(asked, folder, sections)
    if "score_requests" in asked.what and asked.over is not None:
        sections.append(measure_score_requests(asked.over.resolve()))
    if "scoring" in asked.what:
        sections.append(measure_scoring(folder, users=asked.scored_users))
    if "contest" in asked.what:
        sections.append(measure_contest(asked.contest_rows))
    if "decisions" in asked.what:
        sections.append(measure_decisions(folder, users=asked.decided_users))
    if "relay" in asked.what:
        sections.append(measure_relay(folder, users=asked.decided_users, webhooks=asked.webhooks))
    if "refresh" in asked.what:
        sections.append(measure_refresh(folder, users=asked.refreshed_users, touched=asked.touched_users))
    if "serving" in asked.what:
        sections.append(measure_serving(folder, users=asked.served_users, seconds=asked.serving_seconds))
    text = page(_command(asked), sections)
    print(text)
    (folder / "benchmarks.md").write_text(text, encoding="utf-8")
    if asked.write is not None:
        before = asked.write.read_text(encoding="utf-8") if asked.write.exists() else ""
        asked.write.write_text(page(_command(asked), sections, before), encoding="utf-8")
    missed = [f.name for section in sections for f in section.figures if f.verdict == "MISSED"]
    return 1 if missed else 0


def _command(asked: argparse.Namespace) -> str:
    """Return the command that measures the same again; what is usual is left out."""
    usual = _parser().parse_args([])
    over = [] if asked.over is None else [f"--over {asked.over}"]
    settings = [f"{name}={os.environ[name]}" for name in SAID if os.environ.get(name)]
    sizes = [
        f"--{name.replace('_', '-')} {value}"
        for name, value in vars(asked).items()
        if isinstance(value, int | float) and value != getattr(usual, name)
    ]
    return " ".join([*settings, "python -m benchmarks", *asked.what, *over, *sizes])


def _measure_shop(asked: argparse.Namespace, folder: Path, sections: list[Section]) -> None:
    """Measure what needs a simulated shop with a history."""
    shop = Shop(folder / "shop", asked.users, asked.days)
    simulated = shop.simulate()
    home = Home(folder / f"history-{asked.days}")
    full = _history(asked, shop, home, simulated, sections)
    if "features" in asked.what:
        sections.append(in_own_process(measure_features, home.settings, shop.day(shop.days)))
    if "score_requests" in asked.what and asked.over is None:
        sections.append(measure_score_requests(home.folder))
    if "increment" in asked.what:
        short = Home(folder / "history-short")
        sections.append(measure_increment(shop, home, short, full))


def _history(
    asked: argparse.Namespace, shop: Shop, home: Home, simulated: Cost, sections: list[Section]
) -> list[Cost]:
    """Build the whole history, by the whole chain if asked for; returns what ingest and features cost."""
    if "chain" in asked.what:
        section, costs = measure_chain(shop, home, simulated)
        sections.append(section)
        return [cost for cost in costs if cost.stage in ("ingest", "features, first build")]
    shop.deliver(home.settings, 1, shop.days)
    home.run("prepare", "warehouse", "prepare")
    return home.build(shop.day(shop.days), gates=False, first=True)


def _part(name: str) -> str:
    """Return a name that may be asked for (argparse cannot check a list that may be empty)."""
    if name not in CHOICES:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(CHOICES)}")
    return name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="*", type=_part, metavar="WHAT", help=f"of {', '.join(CHOICES)}")
    parser.add_argument("--users", type=int, default=100_000, help="users of the simulated shop (100000)")
    parser.add_argument("--days", type=int, default=540, help="days of history (540)")
    parser.add_argument("--scored-users", type=int, default=USERS, help=f"users to score ({USERS})")
    parser.add_argument("--contest-rows", type=int, default=ROWS, help=f"rows of the contest ({ROWS})")
    parser.add_argument(
        "--decided-users", type=int, default=DECIDED_USERS, help=f"users to decide on ({DECIDED_USERS})"
    )
    parser.add_argument("--webhooks", type=int, default=WEBHOOKS, help=f"webhooks to relay ({WEBHOOKS})")
    parser.add_argument(
        "--refreshed-users", type=int, default=REFRESHED_USERS, help=f"users on the list ({REFRESHED_USERS})"
    )
    parser.add_argument(
        "--touched-users", type=int, default=TOUCHED, help=f"users that a delivery touches ({TOUCHED})"
    )
    parser.add_argument(
        "--served-users", type=int, default=SERVED_USERS, help=f"users to serve ({SERVED_USERS})"
    )
    parser.add_argument(
        "--serving-seconds", type=int, default=SECONDS, help=f"seconds of requests ({SECONDS})"
    )
    parser.add_argument("--over", type=Path, help="a home with a published day, for score_requests")
    parser.add_argument("--home", type=Path, help="folder to work in and keep; a temporary one if left out")
    parser.add_argument(
        "--write", type=Path, help="also put it on this page, whose other sections stay: docs/benchmarks.md"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
