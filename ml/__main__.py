"""Train, score and list models by hand: ``python -m ml train --as-of 2011-09-04``."""

import argparse
import sys
from datetime import date

from ml.entry import score_day, snapshots_missing, train_model
from ml.registry import list_models, load_metadata
from warehouse.errors import HoldfastError
from warehouse.ledger import Ledger
from warehouse.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Run one verb and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ml", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, help_text in (
        ("train", "train on a day and register the model"),
        ("score", "score a day with its model"),
    ):
        verbs.add_parser(verb, help=help_text).add_argument(
            "--as-of", required=True, type=date.fromisoformat, help="a day, YYYY-MM-DD"
        )
    verbs.add_parser("list", help="list the models on disk, signatures verified")
    chosen = parser.parse_args(arguments)
    settings = Settings.from_environment()
    try:
        if chosen.verb == "list":
            _list(settings)
        elif chosen.verb == "train":
            _train(settings, chosen.as_of)
        else:
            _score(settings, chosen.as_of)
    except HoldfastError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _train(settings: Settings, trained_as_of: date) -> None:
    missing = snapshots_missing(settings, trained_as_of)
    if missing:
        print(f"features to build first: {', '.join(map(str, missing))}")
    train_model(settings, Ledger.open(settings), trained_as_of, print)


def _score(settings: Settings, as_of_date: date) -> None:
    ledger = Ledger.open(settings)
    run = ledger.begin_run("score", settings.source, as_of_date, "manual")
    try:
        outcome = score_day(settings, ledger, run, as_of_date, print)
    except HoldfastError as error:
        ledger.fail_run(run, str(error))
        raise
    ledger.finish_run(run)
    if outcome.note:
        print(outcome.note)


def _list(settings: Settings) -> None:
    for model_version in list_models(settings.models):
        metadata = load_metadata(model_version, settings.models)
        print(model_version, metadata["candidate"], metadata["compared_on"], metadata["note"])


if __name__ == "__main__":
    sys.exit(main())
