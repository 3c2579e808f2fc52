"""Simulate a shop: ``python -m sample_shop --users 5000 --days 420 --last-day 2026-06-30 --home data``."""

import argparse
import datetime as dt
import sys
from pathlib import Path

from sample_shop.interventions import Interventions
from sample_shop.simulation import USUAL_OFFERS, simulate
from sample_shop.world import FORMATS, ShopError, World


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        world = _world(options)
        simulate(
            world,
            options.last_day,
            options.home,
            deliver_from=options.deliver_from,
            truth_dates=tuple(options.truth_date),
            offers=USUAL_OFFERS if options.worth else (),
            interventions=(
                Interventions.read(options.interventions, world) if options.interventions else None
            ),
            progress=lambda line: print(line, file=sys.stderr, flush=True),
        )
    except ShopError as error:
        print(f"sample_shop: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sample_shop",
        description="Simulate a shop with known truth and deliver its data as daily folders. A home that "
        "holds a world already is continued: only days that are missing are delivered.",
    )
    date = dt.date.fromisoformat
    parser.add_argument("--home", type=Path, required=True, help="HOLDFAST_HOME")
    parser.add_argument("--last-day", type=date, required=True, help="last day to deliver")
    parser.add_argument("--users", type=int, help="users who sign up within --days (default 5000)")
    parser.add_argument("--days", type=int, help="days over which they sign up (default 420)")
    parser.add_argument("--seed", type=int, help="seed of everything (default 7)")
    parser.add_argument("--first-day", type=date, help="the shop's first day (default: last day - days + 1)")
    parser.add_argument("--dirty-rate", type=float, help="share of rows with a fault (default 0.002)")
    parser.add_argument("--format", choices=FORMATS, help="file formats (default mixed)")
    parser.add_argument("--deliver-from", type=date, help="deliver nothing before this day")
    parser.add_argument(
        "--truth-date",
        type=date,
        action="append",
        default=[],
        help="a further date for the true probabilities",
    )
    parser.add_argument(
        "--interventions", type=Path, help="Parquet file of everything that campaigns delivered so far"
    )
    parser.add_argument(
        "--worth",
        action="store_true",
        help="value the usual offers for every user at the end of the last day",
    )
    parser.add_argument("--own-campaigns", type=int, help="stop the shop's own campaigns after this many")
    return parser


def _world(options: argparse.Namespace) -> World:
    """Build the world asked for; what is not said comes from the home's world, or is the default."""
    definition = options.home / "sample_shop" / "world.json"
    if definition.exists():
        known = World.load(definition)
    else:
        days = 420 if options.days is None else options.days
        known = World(
            users=5000, seed=7, first_day=options.last_day - dt.timedelta(days=max(days, 1) - 1), days=days
        )
    return World(
        users=known.users if options.users is None else options.users,
        seed=known.seed if options.seed is None else options.seed,
        first_day=known.first_day if options.first_day is None else options.first_day,
        days=known.days if options.days is None else options.days,
        dirty_rate=known.dirty_rate if options.dirty_rate is None else options.dirty_rate,
        file_format=known.file_format if options.format is None else options.format,
        own_campaigns=known.own_campaigns if options.own_campaigns is None else options.own_campaigns,
    )


if __name__ == "__main__":
    raise SystemExit(main())
