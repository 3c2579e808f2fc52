"""What a row is worth: the arithmetic over declared columns that a table may name under `money`."""

import ast
import re
from collections.abc import Iterable

from warehouse.source_keys import Node
from warehouse.source_shapes import Column

TOKEN = re.compile(r'\s*(?:(?P<name>"[^"]+"|[^\W\d]\w*)|(?P<other>[0-9]+(?:\.[0-9]+)?|[-+*/()]))\s*')
ALLOWED = (
    ast.Expression,
    ast.BinOp,
    ast.UnaryOp,
    ast.operator,
    ast.unaryop,
    ast.Name,
    ast.Load,
    ast.Constant,
)


def check_money(text: str, columns: Iterable[Column], node: Node) -> str:
    """Return the expression with its columns quoted for SQL; an empty amount counts as 0.

    Parameters
    ----------
    text : str
        Numeric columns of the table, plain numbers, ``+ - * /`` and parentheses.
    columns : iterable of Column
        The table's columns.
    node : Node
        Where the expression stands, for the error.

    Raises
    ------
    ContractBreach
        If it is anything else.
    """
    numeric = [column.name for column in columns if column.type in {"integer", "decimal"}]
    written, checked, place = "", "", 0
    while place < len(text):
        token = TOKEN.match(text, place)
        name = (token["name"] or "").strip('"') if token else ""
        if token is None or (name and name not in numeric):
            raise node.wrong(
                "money", text, f"use {', '.join(numeric) or 'numeric columns'}, numbers, + - * / ( )"
            )
        written += f'coalesce("{name}", 0)' if name else f" {token['other']} "
        checked += " x " if name else f" {token['other']} "
        place = token.end()
    try:
        parsed = ast.parse(checked.strip(), mode="eval")
    except SyntaxError:
        parsed = None
    if parsed is None or not all(isinstance(part, ALLOWED) for part in ast.walk(parsed)):
        raise node.wrong("money", text, "write plain arithmetic, for instance quantity * unit_price")
    return written.strip()
