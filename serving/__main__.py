"""Serve the API and the dashboard, and look after keys, people and audit: ``python -m serving <verb>``."""

import argparse
import sys
from collections.abc import Sequence

from serving import audit_commands, key_commands
from serving.pages import person_commands
from serving.server import serve as run_server
from serving.settings import ServingSettings
from warehouse.command_line import exit_code_of


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
    asked = _parser().parse_args(arguments)
    return exit_code_of(lambda: asked.action(ServingSettings.from_environment(), asked))


if __name__ == "__main__":
    sys.exit(main())
