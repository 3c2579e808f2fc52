"""What the product's command lines have in common: verbs, how days are written, errors, exit codes."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeAlias

from warehouse.errors import Busy, HoldfastError
from warehouse.settings import Settings

FAILED = 2
TRY_AGAIN = 75  # EX_TEMPFAIL: schedulers take it for "later"

Action: TypeAlias = Callable[[Settings, argparse.Namespace], None]


class CommandLine:
    """A program whose first argument says what to do.

    Parameters
    ----------
    prog : str
        How it is called: ``python -m warehouse``.
    description : str
        In a sentence.
    """

    def __init__(self, prog: str, description: str) -> None:
        self._parser = argparse.ArgumentParser(prog=prog, description=description)
        self._verbs = self._parser.add_subparsers(required=True, metavar="verb")

    def verb(self, name: str, action: Action, told: str | None = None) -> argparse.ArgumentParser:
        """Add a verb; returns its parser, to add arguments to.

        Parameters
        ----------
        name : str
            What people type.
        action : callable
            Takes the settings and the parsed arguments.
        told : str, optional
            What it does; the action's docstring if left out.
        """
        text = told or action.__doc__
        added = self._verbs.add_parser(name, help=text, description=text)
        added.set_defaults(action=action)
        return added

    def run(self, arguments: Sequence[str] | None = None) -> int:
        """Run the verb that is asked for; returns the exit code as `exit_code_of` does."""
        asked = self._parser.parse_args(arguments)
        return exit_code_of(lambda: asked.action(Settings.from_environment(), asked))


def exit_code_of(work: Callable[[], None]) -> int:
    """Do some work; returns 0, 2 for an error that a person must look at, 75 for one that passes.

    What it writes is its owner's to read, and an error is told in a sentence on standard error.
    """
    os.umask(0o077)
    try:
        work()
    except Busy as error:
        sys.stderr.write(f"busy: {error}\n")
        return TRY_AGAIN
    except HoldfastError as error:
        sys.stderr.write(f"error: {error}\n")
        return FAILED
    return 0


def day(text: str) -> date:
    """Return the day that an argument names."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; write YYYY-MM-DD") from None


def whole_number(text: str) -> int:
    """Return the number above 0 that an argument names."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)
