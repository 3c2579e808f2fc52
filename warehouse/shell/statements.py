"""Where a statement ends: a semicolon that stands in no text, name or comment."""

import re

#: What may hold a semicolon that ends nothing. The last branch of each quoted kind is one not yet closed.
_PIECES = re.compile(
    r"""
      '(?:[^']|'')*(?P<open_text>'|\Z)
    | "(?:[^"]|"")*(?P<open_name>"|\Z)
    | \$(?P<tag>\w*)\$ .*? (?P<open_dollar>\$(?P=tag)\$|\Z)
    | --[^\n]*
    | /\* .*? (?P<open_comment>\*/|\Z)
    | (?P<end>;)
    | (?P<blank>\s+)
    | .
    """,
    re.VERBOSE | re.DOTALL,
)


def is_complete(text: str) -> bool:
    """Say whether a text ends with a statement's end, comments aside.

    Examples
    --------
    >>> is_complete("select 1;"), is_complete("select ';"), is_complete("select 1; -- done")
    (True, False, True)
    """
    ends = False
    for piece in _PIECES.finditer(text):
        opened = [
            name for name in ("open_text", "open_name", "open_dollar", "open_comment") if piece[name] == ""
        ]
        if opened:
            return False
        if piece["end"]:
            ends = True
        elif not piece["blank"] and not piece[0].startswith(("--", "/*")):
            ends = False
    return ends
