"""Close the loop on a simulated shop: ``python -m closed_loop --size small``.

Writes tables, plots, report.md and summary.json under ``HOLDFAST_HOME/closed_loop``. A run that was cut off
goes on after its last whole round. Exit status: 0 if everything that is judged was shown, 1 if not.
"""

import argparse
import sys

from closed_loop.loop import close_the_loop
from closed_loop.sizes import SIZES
from warehouse.errors import HoldfastError
from warehouse.settings import Settings

SEED = 7
MINUTES = {"full": 60.0, "small": 5.0}


def main(arguments: list[str] | None = None) -> int:
    """Run the loop; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m closed_loop", description=__doc__)
    parser.add_argument("--size", choices=sorted(SIZES), default="full")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the simulated world (default {SEED})")
    parser.add_argument("--minutes", type=float, help="stop after so long (60; small: 5)")
    asked = parser.parse_args(arguments)
    size = SIZES[asked.size]
    folder = Settings.from_environment().home / "closed_loop"
    try:
        results = close_the_loop(folder, size, asked.seed, minutes=asked.minutes or MINUTES[size.name])
    except HoldfastError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    for target in results.targets:
        found = "not known" if target.value is None else f"{target.value:,.3g}"
        verdict = ("met" if target.is_met else "MISSED") if target.is_judged else "not judged at this size"
        print(f"{target.name:<26} {found:>10}   wanted: {target.wanted:<20} {verdict}")
    print(f"{folder / 'report.md'}")
    return 0 if results.is_shown else 1


if __name__ == "__main__":
    raise SystemExit(main())
