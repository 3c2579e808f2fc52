"""Files that browsers keep: style, script, and plotly from its own wheel, each named by its content."""

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request, Response

STATIC = Path(__file__).parent / "static"
PLOTLY = "plotly.min.js"
_A_YEAR = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Asset:
    """One file as it is sent: its name carries its content's hash, so it may be kept for ever."""

    name: str
    media_type: str
    content: bytes
    compressed: bytes


def plotly_file() -> Path:
    """Return plotly's script, which comes with the wheel; importing plotly for it would cost a second."""
    spec = find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("plotly is not installed: make install")
    return Path(spec.submodule_search_locations[0]) / "package_data" / PLOTLY


def asset_paths() -> Iterator[Path]:
    """Yield every file that pages may ask for."""
    yield from sorted(path for path in STATIC.iterdir() if path.is_file())
    yield plotly_file()


@cache
def asset(file_name: str) -> Asset:
    """Return a file by its plain name.

    Raises
    ------
    KeyError
        If pages have no such file.
    """
    for path in asset_paths():
        if path.name == file_name:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:16]
            stem, _, rest = path.name.partition(".")
            media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            # Text is compressed once and kept: plotly is 4.8 MB as it comes and 1.4 MB so.
            compressed = gzip.compress(content, 6, mtime=0) if media_type.startswith("text/") else b""
            return Asset(f"{stem}.{digest}.{rest}", media_type, content, compressed)
    raise KeyError(file_name)


@cache
def styles_of_plotly() -> tuple[str, ...]:
    """Return the ids of style elements that plotly's script would add to a page unless they are there.

    The policy of the pages forbids styles that are no file; those that it is about belong to maps, which no
    page shows.
    """
    script = asset(PLOTLY).content.decode("utf-8")
    return tuple(dict.fromkeys(re.findall(r'getElementById\("([0-9a-f]{64})"\)', script)))


@router.get("/static/{name}", name="static_file")
def static_file(name: str, request: Request) -> Response:
    """Send a file under the name of its content; any other name is not there."""
    parts = name.split(".")
    plain = ".".join([parts[0], *parts[2:]])
    try:
        found = asset(plain)
    except KeyError:
        return Response(status_code=404)
    if found.name != name:
        return Response(status_code=404)
    headers = {"Cache-Control": _A_YEAR, "Vary": "Accept-Encoding"}
    if found.compressed and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(found.compressed, media_type=found.media_type, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)
