"""Write the lists of a run again, by hand: ``python -m campaigns.lists --run 20260630-000042``."""

import argparse
import sys

from campaigns.lists import write_lists
from warehouse.command_line import exit_code_of
from warehouse.ledger import Ledger, utc_now
from warehouse.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Write lists; returns the exit status: 2 for an error, 75 if trying again later helps."""
    parser = argparse.ArgumentParser(prog="python -m campaigns.lists", description=__doc__)
    parser.add_argument("--run", required=True, metavar="RUN_ID", help="the newest run of its day")
    parser.add_argument(
        "--allow-shrink", action="store_true", help="let a mirrored table lose as many rows as it must"
    )
    chosen = parser.parse_args(arguments)
    return exit_code_of(lambda: _write_again(chosen.run, allow_shrink=chosen.allow_shrink))


def _write_again(run_id: str, *, allow_shrink: bool) -> None:
    settings = Settings.from_environment()
    with Ledger.open(settings) as ledger:
        written = write_lists(settings, ledger, ledger.run(run_id), now=utc_now(), allow_shrink=allow_shrink)
    if not settings.sending:
        print("HOLDFAST_SENDING is off: nothing was written")
    print("\n".join(written) or "nothing to write")


if __name__ == "__main__":
    sys.exit(main())
