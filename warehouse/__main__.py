"""The warehouse on the command line: ``python -m warehouse <verb>``; ``--help`` lists the verbs."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from warehouse.command_line import CommandLine, day, whole_number
from warehouse.errors import ContractBreach
from warehouse.ledger import Ledger
from warehouse.settings import Settings


def prepare(settings: Settings, _: argparse.Namespace) -> None:
    """Create the folders, bring the ledger up to date, let dbt write what the DAGs are drawn from."""
    from warehouse.dbt_project import write_manifest
    from warehouse.publish import recover_publishes
    from warehouse.publish.durable import make_private_folder

    folders = (
        settings.landing,
        settings.build_file.parent,
        settings.models,
        settings.published,
        settings.reports,
        settings.data_docs,
        settings.dbt_home,
    )
    for folder in folders:
        make_private_folder(folder)
    with Ledger.open(settings) as ledger:
        for publish in recover_publishes(settings, ledger):
            print(f"finished publishing run {publish.run_id}, which a crash had interrupted")
    write_manifest(settings)
    print(f"{settings.home} is ready for {settings.source}")


def land(settings: Settings, arguments: argparse.Namespace) -> None:
    """Copy delivered files into landing/, one folder per day."""
    from warehouse.landing import land as land_files

    landed = land_files(settings, arguments.data, day=arguments.day, history=arguments.history)
    print(f"{landed.copied:,} files landed over {landed.days:,} days; {landed.already_there:,} were there")


def ingest(settings: Settings, arguments: argparse.Namespace) -> None:
    """Take what has landed into the build file."""
    from warehouse.ingest import ingest as ingest_landed

    with Ledger.open(settings) as ledger:
        report = ingest_landed(settings, ledger, through=arguments.through)
    print("\n".join(report.sentences()))
    if report.refused:
        raise ContractBreach(
            f"{len(report.refused)} of {len(report.deliveries)} deliveries were refused",
            [str(one.delivery_date) for one in report.refused],
            "their reasons are above; mend and deliver them again",
        )


def publish(settings: Settings, arguments: argparse.Namespace) -> None:
    """Publish a run's day from the build file."""
    from warehouse.publish import publish as publish_run

    with Ledger.open(settings) as ledger:
        done = publish_run(
            settings, ledger, ledger.run(arguments.run), move_pointer=not arguments.keep_pointer
        )
    print(f"run {done.run_id}, as of {done.as_of_date}: {done.note}\nin {done.path}")


def reconcile(settings: Settings, arguments: argparse.Namespace) -> None:
    """Add up rows, money, orders, users and churn; fail where something does not come out."""
    from warehouse.reconcile import reconcile as add_up

    with Ledger.open(settings) as ledger:
        result = add_up(settings, ledger, arguments.as_of)
    print(result)
    if result.failures:
        raise ContractBreach(
            f"{len(result.failures)} sums do not come out",
            [fact.sentence for fact in result.failures],
            "run the day again; if it stays, `python -m warehouse rebuild`",
        )


def rollback(settings: Settings, arguments: argparse.Namespace) -> None:
    """Point readers back to an earlier run."""
    from warehouse.publish import rollback as roll_back

    with Ledger.open(settings) as ledger:
        done = roll_back(settings, ledger, arguments.run)
    print(f"run {done.run_id}, as of {done.as_of_date}: {done.note}")


def check(settings: Settings, _: argparse.Namespace) -> None:
    """Verify what readers are served and say what it is."""
    from warehouse.publish import check as check_reader

    print(check_reader(settings))


def status(settings: Settings, _: argparse.Namespace) -> None:
    """Show deliveries, built days, publishes and open failures."""
    from warehouse.status import status as screen

    with Ledger.open(settings) as ledger:
        print(screen(settings, ledger))


def quarantine(settings: Settings, arguments: argparse.Namespace) -> None:
    """Show rows that could not be taken: where they stood, why, and what to do."""
    from warehouse.quarantined import quarantined

    print(quarantined(settings, top=arguments.top))


def rebuild(settings: Settings, _: argparse.Namespace) -> None:
    """Throw the build file away and make it anew from landing/ and the ledger."""
    from warehouse.ingest import rebuild as load_again

    with Ledger.open(settings) as ledger:
        load_again(settings, ledger)
    print(f"{settings.build_file} holds what was delivered; run the newest day to publish from it")


def show_list(settings: Settings, arguments: argparse.Namespace) -> None:
    """Show the users with the highest risk and where to look next."""
    from warehouse.publish.show_list import show_list as screen

    print(screen(settings, top=arguments.top, as_of_date=arguments.as_of))


def docs(settings: Settings, _: argparse.Namespace) -> None:
    """Let dbt write its pages about every table and column; the dashboard shows them."""
    from warehouse.dbt_docs import write_docs

    with Ledger.open(settings) as ledger:
        newest = ledger.newest_built_day(settings.source)
    if newest is None:
        raise ContractBreach(
            "dbt's pages tell of tables, and none was built yet", settings.source, "run a day: `make run`"
        )
    print(f"dbt's pages are in {write_docs(settings, newest)}")


def sql(settings: Settings, arguments: argparse.Namespace) -> None:
    """Ask the published snapshot in SQL: a prompt, or one text and its results."""
    from warehouse.shell import Limits, open_session, run_shell

    text = arguments.file or arguments.query
    with open_session(settings, Limits(arguments.seconds, arguments.rows)) as session:
        run_shell(session, text, arguments.format)


def _text_of_file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"{path!r} cannot be read as text: {error}") from None


def _command_line() -> CommandLine:
    program = CommandLine("python -m warehouse", "Run one step of the warehouse.")
    verb = program.verb
    verb("prepare", prepare)
    landing = verb("land", land)
    landing.add_argument("data", type=Path, help="a file or a folder")
    landing.add_argument("--day", type=day, help="the delivery day of every file")
    landing.add_argument("--history", action="store_true", help="rows count as known from their own day")
    verb("ingest", ingest).add_argument("--through", type=day, help="the last delivery day to take")
    publishing = verb("publish", publish)
    publishing.add_argument("--run", required=True, help="the run that scored the day")
    publishing.add_argument("--keep-pointer", action="store_true", help="leave readers where they are")
    reconciling = verb("reconcile", reconcile)
    reconciling.add_argument("--as-of", type=day, help="the day whose users are counted (newest built)")
    verb("rollback", rollback).add_argument("--run", required=True, help="the run to go back to")
    verb("check", check)
    verb("status", status)
    looking = verb("quarantine", quarantine)
    looking.add_argument("--top", type=whole_number, default=5, help="how many rows per reason (5)")
    verb("rebuild", rebuild)
    showing = verb("show-list", show_list)
    showing.add_argument("--top", type=whole_number, default=10, help="how many users (10)")
    showing.add_argument("--as-of", type=day, help="another day than the one that readers see")
    verb("docs", docs)
    asking = verb("sql", sql)
    given = asking.add_mutually_exclusive_group()
    given.add_argument("--query", help="statements to run instead of a prompt")
    given.add_argument("--file", type=_text_of_file, help="a file of statements to run")
    asking.add_argument("--format", choices=("table", "csv", "json"), default="table", help="(table)")
    asking.add_argument("--rows", type=whole_number, default=1_000, help="the most rows of a result (1000)")
    asking.add_argument(
        "--seconds", type=whole_number, default=60, help="the longest a statement may take (60)"
    )
    return program


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns 0, 2 for an error that a person must look at, 75 for one that passes."""
    return _command_line().run(arguments)


if __name__ == "__main__":
    sys.exit(main())
