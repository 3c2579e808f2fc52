"""Serve the API and the dashboard, and look after keys, people and audit: ``python -m serving <verb>``."""

import argparse
import os
import sys
from collections.abc import Sequence

from serving import audit_commands, key_commands
from serving.pages import person_commands
from serving.server import serve as run_server
from serving.settings import ServingSettings
from warehouse.errors import Busy, HoldfastError

FAILED = 2
TRY_AGAIN = 75  # EX_TEMPFAIL: schedulers take it for "later"


def serve(settings: ServingSettings, _: argparse.Namespace) -> None:
    """Serve the API and the dashboard until asked to stop."""
    run_server(settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="verb")
    serving = verbs.add_parser("serve", help=serve.__doc__, description=serve.__doc__)
    serving.set_defaults(action=serve)
    key_commands.add_verbs(verbs)
    audit_commands.add_verbs(verbs)
    person_commands.add_verbs(verbs)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns 0, 2 for an error that a person must look at, 75 for one that passes."""
    parsed = _parser().parse_args(arguments)
    os.umask(0o077)
    try:
        parsed.action(ServingSettings.from_environment(), parsed)
    except Busy as error:
        print(f"busy: {error}", file=sys.stderr)
        return TRY_AGAIN
    except HoldfastError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
