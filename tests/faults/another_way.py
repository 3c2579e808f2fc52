"""A shop's deliveries, brought another way: lines in other order, files split, some of them twice."""

import gzip
import json
import random
import shutil
from pathlib import Path

SEED = 5


def deliver_another_way(landing: Path) -> int:
    """Rewrite every delivery of a landing folder; return how many files were changed."""
    chance = random.Random(SEED)  # noqa: S311  test data
    return sum(_rewrite(folder, chance) for folder in sorted(landing.iterdir()))


def _rewrite(folder: Path, chance: random.Random) -> int:
    (folder / "_manifest.json").unlink(missing_ok=True)
    changed = 0
    for path in sorted(folder.iterdir()):
        name, _, ending = path.name.partition(".")
        if ending not in ("csv", "csv.gz", "jsonl"):
            continue
        packed = ending.endswith("gz")
        text = (gzip.decompress(path.read_bytes()) if packed else path.read_bytes()).decode()
        lines = text.splitlines(keepends=True)
        head, rows = ([], lines) if ending == "jsonl" else (lines[:1], lines[1:])
        if len(rows) < 2 or not _is_plain(rows, ending):
            continue
        chance.shuffle(rows)
        middle = len(rows) // 2
        path.unlink()
        for part, piece in (("b", rows[:middle]), ("a", rows[middle:])):
            content = "".join([*head, *piece]).encode()
            target = folder / f"{name}-{part}.{ending}"
            target.write_bytes(gzip.compress(content) if packed else content)
        if chance.random() < 0.2:
            shutil.copyfile(target, folder / f"{name}-again.{ending}")
        changed += 1
    return changed


def _is_plain(rows: list[str], ending: str) -> bool:
    """Say whether every line is a row with a key of its own, so that lines may change places."""
    if any('"' in row and (row.count('"') % 2 or ending == "csv.gz") for row in rows):
        return False
    try:
        if ending == "jsonl":
            keys = [next(iter(json.loads(row).values())) for row in rows]
        else:
            keys = [tuple(row.split(",")[:2]) for row in rows]
    except (ValueError, AttributeError):
        return False
    return len(set(keys)) == len(rows) and rows[-1].endswith("\n")
