"""Write the lists of a run again, by hand: ``python -m campaigns.lists --run 20260630-000042``."""

import argparse
import sys

from campaigns.lists import write_lists
from warehouse.errors import Busy, HoldfastError
from warehouse.ledger import Ledger, utc_now
from warehouse.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Write lists and return the exit status: 75 if trying again later helps."""
    parser = argparse.ArgumentParser(prog="python -m campaigns.lists", description=__doc__)
    parser.add_argument("--run", required=True, metavar="RUN_ID", help="the newest run of its day")
    parser.add_argument(
        "--allow-shrink", action="store_true", help="let a mirrored table lose as many rows as it must"
    )
    chosen = parser.parse_args(arguments)
    settings = Settings.from_environment()
    try:
        with Ledger.open(settings) as ledger:
            written = write_lists(
                settings, ledger, ledger.run(chosen.run), now=utc_now(), allow_shrink=chosen.allow_shrink
            )
    except Busy as error:
        print(f"busy: {error}", file=sys.stderr)
        return 75
    except HoldfastError as error:
        print(error, file=sys.stderr)
        return 1
    if not settings.sending:
        print("HOLDFAST_SENDING is off: nothing was written")
    print("\n".join(written) or "nothing to write")
    return 0


if __name__ == "__main__":
    sys.exit(main())
