"""The API's reference as one plain page, drawn from the same OpenAPI document that tools read."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(tags=["server"], include_in_schema=False)

STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #ccc; }
code { white-space: pre-wrap; }
"""


@router.get("/v1/reference")
def reference(request: Request) -> HTMLResponse:
    """Show every route, what it takes and what it answers."""
    document = request.app.openapi()
    title = escape(f"{document['info']['title']} {document['info']['version']}: HTTP API")
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>',
        '<meta name="viewport" content="width=device-width"><style>' + STYLE + "</style>",
        f"<h1>{title}</h1>",
        *(f"<p>{escape(text)}</p>" for text in document["info"]["description"].split("\n\n")),
        '<p>For tools: <a href="openapi.json">openapi.json</a>.</p>',
    ]
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            parts += _route(method, path, route)
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return HTMLResponse("\n".join(parts), headers=headers)


def _route(method: str, path: str, route: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{escape(method.upper())} {escape(path)}</code></h2>"
    yield f"<p><strong>{escape(route.get('summary', ''))}</strong></p>"
    yield from (f"<p>{escape(text)}</p>" for text in route.get("description", "").split("\n\n"))
    if "security" not in route:
        yield "<p>Needs no key.</p>"
    parameters = [
        (one["name"], one["in"], _said(one.get("schema", {})), one.get("description", ""))
        for one in route.get("parameters", ())
    ]
    yield from _table(("parameter", "in", "may be", "meaning"), parameters)
    answers = [
        (status, ", ".join(answer.get("content", ())), answer.get("description", ""), "")
        for status, answer in route["responses"].items()
    ]
    yield from _table(("answer", "as", "meaning", ""), answers)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        yield "<table><thead><tr>" + "".join(f"<th>{escape(name)}</th>" for name in names) + "</tr></thead>"
        for row in rows:
            yield "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
        yield "</table>"


def _said(schema: Mapping[str, Any]) -> str:
    """Say in few words what a value may be."""
    if "anyOf" in schema:
        kinds = [_said(one) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(kinds)
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"several: {_said(schema.get('items', {}))}"
    limits = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "default": "unless said"}
    said = [f"{word} {schema[name]}" for name, word in limits.items() if schema.get(name) not in (None, [])]
    return " ".join([str(schema.get("format", schema.get("type", "any"))), *said])
