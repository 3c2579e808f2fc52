"""Campaigns on the command line: ``python -m campaigns <verb>``; ``--help`` lists the verbs."""

import argparse
import getpass
import os
import socket
import sys
from collections.abc import Sequence

from campaigns import screens
from campaigns.channels import channels_from_environment
from campaigns.record import record_decisions
from campaigns.relay import relay as send
from warehouse.command_line import CommandLine, day, whole_number
from warehouse.errors import SettingsError
from warehouse.ledger import ContactBlock, Ledger, LedgerError, utc_now
from warehouse.ledger.campaign_records import BLOCK_REASONS, EVERY_PURPOSE
from warehouse.publish import daily_snapshot, read_manifest
from warehouse.settings import Settings

PURPOSES = (EVERY_PURPOSE, "email", "sms", "push", "call", "profiling")


def status(settings: Settings, _: argparse.Namespace) -> None:
    """Show what waits for approval, what became of messages and why, budgets and blocks."""
    with Ledger.open(settings) as ledger:
        print(screens.status(ledger, settings.source))


def dry_run(settings: Settings, arguments: argparse.Namespace) -> None:
    """Show what the published day would send to whom; nothing is written."""
    snapshot = daily_snapshot(settings)
    with Ledger.open(settings) as ledger:
        run = ledger.run(read_manifest(snapshot).run_id)
        print(f"dry run of {run.as_of_date}, as published by run {run.run_id}", flush=True)
        launches = record_decisions(
            settings,
            ledger,
            run,
            snapshot,
            now=utc_now(),
            may_send=False,
            progress=lambda line: print(line, file=sys.stderr, flush=True),
        )
    print(screens.dry_run(launches, top=arguments.top))


def approve(settings: Settings, arguments: argparse.Namespace) -> None:
    """Let a campaign go that waits for a person."""
    _decide(settings, arguments, "released")


def reject(settings: Settings, arguments: argparse.Namespace) -> None:
    """Let nothing of a campaign go that waits for a person."""
    _decide(settings, arguments, "rejected")


def _decide(settings: Settings, arguments: argparse.Namespace, state: str) -> None:
    with Ledger.open(settings) as ledger:
        decided = ledger.decide_launch(
            settings.source,
            arguments.day,
            arguments.campaign,
            state,
            decided_by=arguments.by,
            at=utc_now(),
            reason=arguments.reason,
        )
    if not decided:
        print(f"{arguments.campaign} of {arguments.day} was {state} before; nothing was done")
    for launch in decided[-1:]:
        print(
            f"{launch.campaign_id} of {launch.as_of_date} is {launch.state}: {launch.users_treated:,} users, "
            f"expected cost {launch.expected_cost:,.2f}"
        )


def block(settings: Settings, arguments: argparse.Namespace) -> None:
    """Let nobody contact a user any more, for a purpose or at all."""
    wanted = ContactBlock(settings.source, arguments.user, arguments.purpose, arguments.reason, utc_now())
    with Ledger.open(settings) as ledger:
        new = ledger.block_contacts([wanted])
        (standing,) = [
            one
            for one in ledger.contact_blocks(settings.source, user_id=arguments.user)
            if one.purpose == arguments.purpose
        ]
    said = "is blocked now" if new else "was blocked before"
    print(f"user {arguments.user} {said} for {standing.purpose}: {standing.reason} since {standing.since}")


def unblock(settings: Settings, arguments: argparse.Namespace) -> None:
    """Lift the block of a user for a purpose."""
    with Ledger.open(settings) as ledger:
        lifted = ledger.lift_blocks(settings.source, arguments.user, arguments.purpose, at=utc_now())
    if not lifted:
        raise LedgerError(
            f"User {arguments.user} is not blocked for {arguments.purpose}", None, "list with `status`"
        )
    print(f"user {arguments.user} may be contacted again for {arguments.purpose}")


def dead_letters(settings: Settings, arguments: argparse.Namespace) -> None:
    """Show messages that were given up, with what the provider said."""
    with Ledger.open(settings) as ledger:
        letters = ledger.messages(settings.source, state="dead")
        print(screens.dead_letters(letters, ledger, top=arguments.top))


def retry(settings: Settings, arguments: argparse.Namespace) -> None:
    """Let dead letters be tried once more, with the same key."""
    if not arguments.message and not arguments.all:
        raise SettingsError("Which dead letters?", None, "name a message, or say --all")
    with Ledger.open(settings) as ledger:
        again = ledger.retry_dead(settings.source, at=utc_now(), message_id=arguments.message)
    if not again:
        raise LedgerError(
            "No dead letter can be tried again",
            arguments.message,
            "list with `dead-letters`; what has expired stays dead",
        )
    print(f"{again:,} dead letters are tried once more by the next relay")


def relay(settings: Settings, _: argparse.Namespace) -> None:
    """Send what is due now, as the DAG deliver_outbox does."""
    if not settings.sending:
        raise SettingsError("Sending is switched off", None, "set HOLDFAST_SENDING=on")
    channels = channels_from_environment(os.environ)
    if not channels:
        raise SettingsError("No channel is configured", None, "see docs/channels.md")
    print(f"sending by {', '.join(sorted(channels))}", file=sys.stderr, flush=True)
    with Ledger.open(settings) as ledger:
        print(send(settings, ledger, channels, worker=f"{socket.gethostname()}:{os.getpid()}"))


def _command_line() -> CommandLine:
    program = CommandLine("python -m campaigns", "Look after campaigns.")
    verb = program.verb
    verb("status", status)
    for name, action in (("dry-run", dry_run), ("dead-letters", dead_letters)):
        verb(name, action).add_argument("--top", type=whole_number, default=10, help="how many to show (10)")
    for name, action in (("approve", approve), ("reject", reject)):
        deciding = verb(name, action)
        deciding.add_argument("--day", type=day, required=True, help="the day that was decided for")
        deciding.add_argument("--campaign", required=True, help="the campaign")
        deciding.add_argument("--by", default=getpass.getuser(), help="who decides (you)")
        deciding.add_argument("--reason", help="why")
    for name, action in (("block", block), ("unblock", unblock)):
        blocking = verb(name, action)
        blocking.add_argument("user", help="the user_id")
        blocking.add_argument("--purpose", choices=PURPOSES, default=EVERY_PURPOSE, help="for what (any)")
        if name == "block":
            blocking.add_argument("--reason", choices=BLOCK_REASONS, default="do_not_contact", help="why")
    trying = verb("retry", retry)
    trying.add_argument("message", nargs="?", help="the message_id; with --all every dead letter")
    trying.add_argument("--all", action="store_true", help="every dead letter that has not expired")
    verb("relay", relay)
    return program


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns 0, 2 for an error that a person must look at, 75 for one that passes."""
    return _command_line().run(arguments)


if __name__ == "__main__":
    sys.exit(main())
