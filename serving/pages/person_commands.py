"""People of the dashboard on the command line: added, given another role or password, listed, shut out."""

import argparse
import getpass
import sys
from typing import Any

from serving.pages.language import LANGUAGES
from serving.pages.people import PersonError, checked_name, password_hash
from serving.pages.viewers import ROLES
from serving.settings import ServingSettings
from warehouse.ledger import Ledger

#: In place of a hash for people whom a proxy lets in: no password fits it.
NO_PASSWORD = ""


def add(settings: ServingSettings, arguments: argparse.Namespace) -> None:
    """Let somebody sign in, or give somebody who may already another role or password."""
    name = checked_name(arguments.name)
    hashed = NO_PASSWORD if arguments.sso else password_hash(_asked_for(name, arguments.password_stdin))
    with Ledger.open(settings.warehouse) as ledger:
        person = ledger.set_person(
            name,
            role=arguments.role,
            password_hash=hashed,
            language=arguments.language,
            by=getpass.getuser(),
        )
    how = "through the proxy" if arguments.sso else "with the password; earlier sessions of theirs have ended"
    print(f"{person.person} may sign in as {person.role} {how}")


def list_people(settings: ServingSettings, _: argparse.Namespace) -> None:
    """Show who may sign in, and as what."""
    with Ledger.open(settings.warehouse) as ledger:
        people = ledger.people()
    if not people:
        print("nobody may sign in yet: python -m serving person add NAME --role admin")
    for person in people:
        how = "password" if person.password_hash else "proxy"
        state = (
            "may sign in" if person.disabled_at is None else f"shut out since {person.disabled_at:%Y-%m-%d}"
        )
        print(f"{person.person:<24} {person.role:<9} {how:<9} {state}")


def disable(settings: ServingSettings, arguments: argparse.Namespace) -> None:
    """Let somebody sign in no more; sessions that are open end at once."""
    with Ledger.open(settings.warehouse) as ledger:
        person = ledger.disable_person(arguments.name, by=getpass.getuser())
    print(f"{person.person} may not sign in any more")


def add_verbs(verbs: Any) -> None:
    """Add ``person add|list|disable`` to a parser's verbs."""
    text = "Look after the people who sign in to the dashboard."
    actions = verbs.add_parser("person", help=text, description=text).add_subparsers(
        required=True, metavar="add|list|disable"
    )

    def verb(name: str, action: Any) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = actions.add_parser(
            name, help=action.__doc__, description=action.__doc__
        )
        added.set_defaults(action=action)
        return added

    adding = verb("add", add)
    adding.add_argument("name", help="what they sign in with")
    adding.add_argument("--role", choices=ROLES, required=True, help="what they may see")
    adding.add_argument(
        "--language", choices=tuple(LANGUAGES), default="", help="of the pages at first (as the browser says)"
    )
    adding.add_argument(
        "--sso", action="store_true", help="they come through the proxy of HOLDFAST_SSO_HEADER: no password"
    )
    adding.add_argument(
        "--password-stdin", action="store_true", help="read the password from the first line of the input"
    )
    verb("list", list_people)
    verb("disable", disable).add_argument("name", help="who")


def _asked_for(name: str, from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise PersonError(
            "There is nobody to ask for a password", None, "run it in a terminal, or use --password-stdin"
        )
    first = getpass.getpass(f"Password for {name}: ")
    if first != getpass.getpass("Once more: "):
        raise PersonError("The two passwords differ", None, "run the command again")
    return first
