"""The queries that a page shows, so that tests can ask them."""

import re
from dataclasses import dataclass
from pathlib import Path

FENCED = re.compile(r"^#+ (?P<heading>.+?)$|^```sql\n(?P<sql>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One query of a page.

    Attributes
    ----------
    title : str
        What it asks: the comment that it begins with, else the heading above it.
    sql : str
        The statement, without its semicolon.
    """

    title: str
    sql: str


def sql_blocks(path: Path) -> list[Block]:
    """Return the statements of a page's SQL blocks, in their order.

    Comments begin a line, and a semicolon ends one; a page that writes otherwise is not understood.
    """
    found, heading = [], path.stem
    for match in FENCED.finditer(path.read_text(encoding="utf-8")):
        heading = match["heading"] or heading
        for statement in re.split(r";\s*(?:\n|$)", match["sql"] or ""):
            comments = [line for line in statement.splitlines() if line.startswith("--")]
            title = comments[0].removeprefix("--").strip() if comments else heading
            sql = "\n".join(line for line in statement.splitlines() if not line.startswith("--")).strip()
            if sql:
                found.append(Block(title, sql))
    return found
