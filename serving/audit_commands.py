"""The audit on the command line: shown, and held against itself."""

import argparse
from typing import Any

from serving.settings import ServingSettings
from warehouse.audit import verify_audit
from warehouse.command_line import whole_number
from warehouse.errors import ContractBreach
from warehouse.ledger import Ledger


def show(settings: ServingSettings, arguments: argparse.Namespace) -> None:
    """Show the newest entries: when, who, what, to what."""
    with Ledger.open(settings.warehouse) as ledger:
        for entry in ledger.newest_audit_entries(arguments.last):
            details = " ".join(f"{name}={value}" for name, value in entry.details.items())
            print(
                f"{entry.entry_number:>8}  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.actor}  {entry.action}  "
                f"{entry.subject}  {details}".rstrip()
            )


def verify(settings: ServingSettings, arguments: argparse.Namespace) -> None:
    """Hold the audit against itself, its anchor and what the ledger records; fails where they differ."""
    with Ledger.open(settings.warehouse) as ledger:
        report = verify_audit(ledger, expected_head=arguments.head)
    print(report)
    if report.faults:
        raise ContractBreach(
            f"The audit has {len(report.faults)} faults",
            report.faults[0],
            "docs/runbook.md#audit says what each means; keep a copy of the ledger as it is",
        )


def add_verbs(verbs: Any) -> None:
    """Add ``audit verify|show`` to a parser's verbs."""
    text = "Look at who did what, and whether that record is whole."
    parser = verbs.add_parser("audit", help=text, description=text)
    actions = parser.add_subparsers(required=True, metavar="verify|show")
    verifying = actions.add_parser("verify", help=verify.__doc__, description=verify.__doc__)
    verifying.add_argument("--head", help="a head that was written down elsewhere: NUMBER:SHA256")
    verifying.set_defaults(action=verify)
    showing = actions.add_parser("show", help=show.__doc__, description=show.__doc__)
    showing.add_argument("--last", type=whole_number, default=50, help="how many (50)")
    showing.set_defaults(action=show)
