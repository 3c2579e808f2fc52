"""Train, score and look after models by hand: ``python -m ml train --as-of 2011-09-04``."""

import argparse
import getpass
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TypeAlias

from ml.card.champion import write_champion_card
from ml.entry import score_day, snapshots_missing, train_model
from ml.model_comparison import compare_models, comparison_text
from ml.model_lists import decisions_text, models_text
from ml.registry import load_model
from ml.tables import prepare_tables
from ml.uplift.entry import train_uplift
from ml.uplift.report import report_text
from warehouse.command_line import CommandLine, day
from warehouse.connections import open_build
from warehouse.errors import HoldfastError
from warehouse.ledger import Ledger, LedgerError, Model
from warehouse.settings import Settings

DECISIONS_SHOWN = 20
DAY = "a day, YYYY-MM-DD"
Work: TypeAlias = Callable[[Settings, Ledger, argparse.Namespace], None]


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns 0, 2 for an error that a person must look at, 75 for one that passes."""
    return _command_line().run(arguments)


def _command_line() -> CommandLine:
    program = CommandLine("python -m ml", __doc__ or "")

    def verb(name: str, work: Work, told: str) -> argparse.ArgumentParser:
        def with_ledger(settings: Settings, chosen: argparse.Namespace) -> None:
            with Ledger.open(settings) as ledger:
                work(settings, ledger, chosen)

        return program.verb(name, with_ledger, told)

    for name, work, told in (
        ("train", _train, "train on a day, register the model and decide on the champion"),
        ("score", _score, "score a day with its model"),
        ("train-uplift", _train_uplift, "learn from the campaigns' experiments whom each campaign helps"),
        ("uplift", _uplift, "tell what is known of whom each campaign helps, and what decides on a day"),
    ):
        verb(name, work, told).add_argument("--as-of", required=True, type=day, help=DAY)
    listing = verb("list", _list, "list models, champions marked, signatures verified")
    comparing = verb("compare", _compare, "show two models side by side")
    for name in ("first", "second"):
        comparing.add_argument(name, metavar="MODEL", help="a version, or a part of it that no other has")
    pinning = verb("pin", _pin, "keep a model champion until it is unpinned")
    pinning.add_argument("model", metavar="MODEL", help="a version, or a part of it that no other has")
    unpinning = verb("unpin", _unpin, "let challengers compete with the pinned champion again")
    rolling_back = verb("rollback", _roll_back, "put the champion before this one back")
    deciding = verb("decisions", _decisions, "tell who became champion when, and why")
    deciding.add_argument("--last", type=int, default=DECISIONS_SHOWN, help="how many (default: 20)")
    carding = verb("model-card", _card, "write the card of the champion, with its pictures")
    carding.add_argument("--to", type=Path, metavar="FOLDER", help="by default that of the reports")
    carding.add_argument("--tried", type=Path, metavar="FILE", help="Markdown that ends 'What was tried'")
    for added in (pinning, unpinning):
        added.add_argument(
            "--from",
            dest="from_date",
            type=day,
            help=f"{DAY}; by default the first that is not settled yet",
        )
    for added in (pinning, unpinning, rolling_back):
        added.add_argument("--reason", default="", help="kept with the decision")
    for added in (listing, unpinning, rolling_back, deciding):
        added.add_argument("--definition", help="a definition of churn (default: the one in force, or all)")
    return program


def _train(settings: Settings, ledger: Ledger, chosen: argparse.Namespace) -> None:
    missing = snapshots_missing(settings, chosen.as_of)
    if missing:
        print(f"features to build first: {', '.join(map(str, missing))}")
    train_model(settings, ledger, chosen.as_of, print)


def _score(settings: Settings, ledger: Ledger, chosen: argparse.Namespace) -> None:
    run = ledger.begin_run("score", settings.source, chosen.as_of, "manual")
    try:
        outcome = score_day(settings, ledger, run, chosen.as_of, print)
    except HoldfastError as error:
        ledger.fail_run(run, str(error))
        raise
    ledger.finish_run(run)
    if outcome.note:
        print(outcome.note)


def _train_uplift(settings: Settings, ledger: Ledger, chosen: argparse.Namespace) -> None:
    train_uplift(settings, ledger, chosen.as_of, print)


def _uplift(settings: Settings, _ledger: Ledger, chosen: argparse.Namespace) -> None:
    with open_build(settings) as connection:
        prepare_tables(connection)
        print(report_text(connection, chosen.as_of))


def _list(settings: Settings, ledger: Ledger, chosen: argparse.Namespace) -> None:
    print(models_text(settings, ledger, chosen.definition))


def _compare(settings: Settings, ledger: Ledger, chosen: argparse.Namespace) -> None:
    first, second = (_named(settings, ledger, name) for name in (chosen.first, chosen.second))
    table = compare_models(first.model_version, second.model_version, settings.models)
    print(comparison_text(table, first.model_version, second.model_version))
    for model in (first, second):
        decision = ledger.decision_on(model.model_version)
        verdict = (
            f"{decision.verdict} on {decision.decided_for}. {decision.reason}" if decision else "undecided"
        )
        print(f"{model.model_version} ({model.status}): {verdict}")


def _card(settings: Settings, ledger: Ledger, chosen: argparse.Namespace) -> None:
    given = {"SOURCE": settings.source, "TO": chosen.to, "TRIED": chosen.tried}
    card, *pictures = write_champion_card(
        settings,
        ledger,
        chosen.to or settings.reports,
        command=" ".join(["make model-card", *(f"{key}={value}" for key, value in given.items() if value)]),
        beside=chosen.tried.read_text(encoding="utf-8") if chosen.tried else "",
    )
    print(f"{card}, with {len(pictures)} pictures in {card.with_suffix('')}")


def _pin(settings: Settings, ledger: Ledger, chosen: argparse.Namespace) -> None:
    model = _named(settings, ledger, chosen.model)
    load_model(model.model_version, settings.models)
    if model.status in ("refused", "withdrawn"):
        decision = ledger.decision_on(model.model_version)
        why = decision.reason if decision and model.status == "refused" else "taken out by a person."
        print(f"Mind that {model.model_version} was {model.status}: {why}")
    made = ledger.pin_champion(model.model_version, chosen.from_date, reason=chosen.reason, decided_by=_who())
    before = f", in place of {made.champion}" if made.champion not in (None, made.challenger) else ""
    print(
        f"{made.challenger} is pinned for {made.definition_id} from {made.decided_for} on{before}. "
        "It stays champion until `python -m ml unpin`; days scored before keep their model."
    )


def _unpin(settings: Settings, ledger: Ledger, chosen: argparse.Namespace) -> None:
    definition_id = chosen.definition or settings.definition_id
    made = ledger.unpin_champion(
        settings.source, definition_id, chosen.from_date, reason=chosen.reason, decided_by=_who()
    )
    champion = ledger.champion_for(settings.source, definition_id, date.max)
    stays = (
        "It stays"
        if champion and champion.model_version == made.challenger
        else f"{champion and champion.model_version} is"
    )
    print(
        f"{made.challenger} is no longer pinned for {definition_id} from {made.decided_for} on. "
        f"{stays} champion until a challenger beats it."
    )


def _roll_back(settings: Settings, ledger: Ledger, chosen: argparse.Namespace) -> None:
    definition_id = chosen.definition or settings.definition_id
    previous = ledger.previous_champion(settings.source, definition_id)
    load_model(previous.model_version, settings.models)
    made = ledger.roll_back_champion(settings.source, definition_id, reason=chosen.reason, decided_by=_who())
    print(
        f"{made.champion} is withdrawn for {definition_id}; {made.challenger} is champion again, from "
        f"{made.decided_for} on. Days scored before keep their model."
    )


def _decisions(settings: Settings, ledger: Ledger, chosen: argparse.Namespace) -> None:
    decisions = ledger.model_decisions(settings.source, chosen.definition)
    print(decisions_text(decisions[-chosen.last :] if chosen.last > 0 else decisions))


def _named(settings: Settings, ledger: Ledger, part: str) -> Model:
    """Return the model of the shop whose version is this, or the only one whose version has this in it."""
    models = ledger.models(settings.source)
    found = [model for model in models if model.model_version == part] or [
        model for model in models if part in model.model_version
    ]
    if len(found) != 1:
        raise LedgerError(
            f"{'No model' if not found else 'More than one model'} of {settings.source} is called that",
            part,
            "name one of: " + (_versions(found or models) or "none yet, train one"),
        )
    return found[0]


def _versions(models: Sequence[Model]) -> str:
    return ", ".join(model.model_version for model in models)


def _who() -> str:
    """Return the name under which a decision is kept."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no account of that number on this machine
        return "by hand"


if __name__ == "__main__":
    sys.exit(main())
