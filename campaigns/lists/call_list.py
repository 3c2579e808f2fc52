"""The call list of the service team: whom to call first, why, and what to say.

    <home>/lists/<source>/calls/as_of_date=<day>/run_id=<run>/
        call_list.csv  call_list.jsonl  manifest.json  _SUCCESS

The only list with a phone number: it is joined here and nowhere else, every file is its owner's only, and
lists of more than 30 days ago are removed.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from campaigns.channels.texts import talking_points
from campaigns.lists.entries import Entry
from campaigns.lists.files import file_facts, schema_facts, write_csv, write_json_lines
from campaigns.lists.folders import complete_folders, free_path, publish_folder, read_folder
from warehouse.ledger import Run
from warehouse.publish.durable import remove_tree

FOLDER = "calls"
COLUMNS: Mapping[str, tuple[str, str]] = {
    "call_rank": ("whole number", "1 is called first."),
    "user_id": ("text", "The user. One row per user and campaign."),
    "phone": ("text", "The number to call, as the shop delivered it last."),
    "language": ("text", "The language to speak."),
    "time_zone": ("text", "The user's time zone."),
    "preferred_hour": (
        "whole number",
        "The local hour at which the user is usually active. Empty: not known.",
    ),
    "risk_tier": ("text", "high, medium or low."),
    "value_tier": ("text", "high, medium or low."),
    "campaign_id": ("text", "The campaign."),
    "trigger_code": ("text", "What set the call off. Empty: nothing in particular."),
    "reasons_en": (
        "text",
        "Why the user is at risk, in English; what the figures show, not what the user said.",
    ),
    "reasons_zh": ("text", "The same in Chinese."),
    "talking_points_en": ("text", "What to say, in English."),
    "talking_points_zh": ("text", "The same in Chinese."),
    "coupon_code": ("text", "A code that may be given. Empty: none."),
    "expires_on": ("date", "The last day of the offer. Empty: no end."),
    "message_id": ("text", "This contact, for ever."),
    "as_of_date": ("date", "The day whose decisions these are."),
    "run_id": ("text", "The run that decided."),
}
#: Columns that hold several sentences: a list in JSON Lines, one cell in CSV.
SENTENCES = ("reasons_en", "reasons_zh", "talking_points_en", "talking_points_zh")
LANGUAGES = ("en", "zh")
KEPT_DAYS = 30


class CallList:
    """Writes calls.

    Parameters
    ----------
    root : Path
        Where lists of the source are.
    phones : callable
        Gives the phone numbers of users, by user; who has none is not called.
    """

    channel = "call"

    def __init__(self, root: Path, phones: Callable[[Sequence[str]], Mapping[str, str]]) -> None:
        self._root = root / FOLDER
        self._phones = phones

    def handed_over(self, run: Run, message_ids: Collection[str]) -> set[str]:
        """Return those messages that are on a list of the day already."""
        found: set[str] = set()
        for path in complete_folders(self._root, f"as_of_date={run.as_of_date}/run_id=*"):
            read_folder(path)
            with (path / "call_list.jsonl").open(encoding="utf-8") as lines:
                found |= {json.loads(line)["message_id"] for line in lines}
        return found & set(message_ids)

    def write(self, run: Run, entries: Sequence[Entry], *, now: datetime) -> Path:
        """Write the list of these calls, the most urgent first."""
        phones = self._phones([entry.message.user_id for entry in entries])
        ordered = sorted(entries, key=_urgency)
        rows = [
            _row(rank, entry, phones.get(entry.message.user_id))
            for rank, entry in enumerate(ordered, start=1)
        ]
        self._remove_old(run)
        path = free_path(self._root / f"as_of_date={run.as_of_date}", f"run_id={run.run_id}")
        return publish_folder(path, lambda folder: _write(folder, run, rows, now))

    def _remove_old(self, run: Run) -> None:
        """Remove lists whose day lies too far back: nobody calls from them, and they hold phone numbers."""
        oldest = f"as_of_date={run.as_of_date - timedelta(days=KEPT_DAYS)}"
        for folder in complete_folders(self._root, "as_of_date=*"):
            if folder.name < oldest:
                remove_tree(folder)


def _write(folder: Path, run: Run, rows: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    cells = [{**row, **{name: " ".join(row[name]) for name in SENTENCES}} for row in rows]
    write_csv(folder / "call_list.csv", COLUMNS, cells)
    write_json_lines(folder / "call_list.jsonl", rows)
    return {
        "manifest_version": 1,
        "kind": "call_list",
        "source": run.source,
        "as_of_date": run.as_of_date.isoformat(),
        "run_id": run.run_id,
        "created_at": now.isoformat(),
        "rows": len(rows),
        "columns": schema_facts(COLUMNS),
        "files": [
            file_facts(folder, folder / name, len(rows)) for name in ("call_list.csv", "call_list.jsonl")
        ],
    }


def _urgency(entry: Entry) -> tuple[float, str]:
    """Order calls: who brings most is called first."""
    return (-float(entry.payload.get("expected_net_value") or 0.0), entry.message.user_id)


def _row(rank: int, entry: Entry, phone: str | None) -> dict[str, Any]:
    row, said = entry.row(), entry.as_message()
    texts = {
        f"{kind}_{language}": points
        for language in LANGUAGES
        for kind, points in (
            ("reasons", _reasons(entry.payload, language)),
            ("talking_points", talking_points(said, language)),
        )
    }
    known = {**row, **texts, "call_rank": rank, "phone": phone}
    return {name: known[name] for name in COLUMNS}


def _reasons(payload: Mapping[str, Any], language: str) -> list[str]:
    """Return the sentences that say why, strongest first."""
    said = (payload.get(f"reason_{place}_sentence_{language}") for place in (1, 2, 3))
    return [str(sentence) for sentence in said if sentence]
