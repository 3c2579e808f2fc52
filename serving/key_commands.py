"""Keys on the command line: made, listed, rotated, revoked; a key is printed once and never again."""

import argparse
import sys
from datetime import timedelta
from typing import Any

from serving.keys import FIELD_SETS, PER_MINUTE, SCOPES, make_key
from serving.settings import ServingSettings
from warehouse.command_line import whole_number
from warehouse.ledger import ApiKey, Ledger
from warehouse.ledger.audit_book import operator

GRACE_HOURS = 24


def create(settings: ServingSettings, arguments: argparse.Namespace) -> None:
    """Make a key and print it, this once."""
    with Ledger.open(settings.warehouse) as ledger:
        key, text = make_key(
            arguments.name,
            frozenset(scope for one in arguments.scope for scope in one.replace(",", " ").split()),
            now=ledger.clock(),
            by=operator(),
            field_sets=frozenset(arguments.fields),
            requests_per_minute=arguments.per_minute,
            days=arguments.days,
        )
        ledger.add_key(key, by=operator())
    _show_once(key, text)


def list_keys(settings: ServingSettings, _: argparse.Namespace) -> None:
    """Show every key, what it may do, and whether it is live."""
    with Ledger.open(settings.warehouse) as ledger:
        keys, now = ledger.api_keys(), ledger.clock()
    if not keys:
        print("no key was made yet: `make key NAME=<tool> SCOPE=risk:read`")
    for key in keys:
        print(
            f"{key.key_id}  {key.name:<20} {key.state_at(now):<8} {' '.join(sorted(key.scopes))}; "
            f"fields {' '.join(sorted(key.field_sets)) or 'risk'}; "
            f"{key.requests_per_minute} a minute; {_until(key)}"
        )


def rotate(settings: ServingSettings, arguments: argparse.Namespace) -> None:
    """Make a new key of a name; the old one stays good for a while, then ends by itself."""
    with Ledger.open(settings.warehouse) as ledger:
        now = ledger.clock()
        key, text = make_key(
            arguments.name, frozenset({"runs:read"}), now=now, by=operator(), days=arguments.days
        )
        old, new = ledger.rotate_key(
            key, old_until=now + timedelta(hours=arguments.grace_hours), by=operator()
        )
    _show_once(new, text)
    print(f"the old key {old.key_id} ends {old.expires_at:%Y-%m-%d %H:%M} UTC", file=sys.stderr)


def revoke(settings: ServingSettings, arguments: argparse.Namespace) -> None:
    """Refuse a key from now on, by its key_id, or every key of a name."""
    with Ledger.open(settings.warehouse) as ledger:
        for key in ledger.revoke_keys(arguments.key, by=operator()):
            print(f"key {key.key_id} of {key.name} is revoked; a running server refuses it within 1 s")


def add_verbs(verbs: Any) -> None:
    """Add ``key create|list|rotate|revoke`` to a parser's verbs."""
    text = "Look after the keys of the HTTP API."
    parser = verbs.add_parser("key", help=text, description=text)
    actions = parser.add_subparsers(required=True, metavar="create|list|rotate|revoke")

    def verb(name: str, action: Any) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = actions.add_parser(
            name, help=action.__doc__, description=action.__doc__
        )
        added.set_defaults(action=action)
        return added

    making = verb("create", create)
    making.add_argument("name", help="the tool that gets it")
    making.add_argument(
        "--scope", action="append", required=True, help=f"{', '.join(SCOPES)}, audience:<name>; repeatable"
    )
    making.add_argument(
        "--fields", action="append", default=[], choices=FIELD_SETS, help="sets of columns (risk)"
    )
    making.add_argument("--days", type=whole_number, help="ends by itself after so many days (never)")
    making.add_argument(
        "--per-minute", type=whole_number, default=PER_MINUTE, help=f"requests a minute ({PER_MINUTE})"
    )
    verb("list", list_keys)
    rotating = verb("rotate", rotate)
    rotating.add_argument("name", help="the tool whose key is replaced")
    rotating.add_argument(
        "--grace-hours", type=whole_number, default=GRACE_HOURS, help=f"the old key's ({GRACE_HOURS})"
    )
    rotating.add_argument("--days", type=whole_number, help="the new key ends by itself (never)")
    verb("revoke", revoke).add_argument("key", help="the key_id, or the name for all of its keys")


def _show_once(key: ApiKey, text: str) -> None:
    print(f"key {key.key_id} of {key.name}: {' '.join(sorted(key.scopes))}; {_until(key)}", file=sys.stderr)
    print("kept nowhere: it is shown this once", file=sys.stderr)
    print(text)


def _until(key: ApiKey) -> str:
    return "does not end" if key.expires_at is None else f"ends {key.expires_at:%Y-%m-%d %H:%M} UTC"
