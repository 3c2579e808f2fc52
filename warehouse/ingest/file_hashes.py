"""What the files in landing hash to, remembered for as long as nobody touches them.

A landing folder is kept for years; reading all of it again at every ingest would cost more every day.
"""

import hashlib
import time
from pathlib import Path

import duckdb
import pyarrow as pa

# A change this soon after another may leave the file system's clock where it was, so a file that was touched
# so lately is read again next time.
SETTLED_NANOSECONDS = 2_000_000_000


class FileHashes:
    """Hashes of landed files, kept in ``control.file_hashes`` of the build file.

    A file is known again by its size and by the moment its inode last changed (ctime, which no program can
    set back). Losing the table costs one reading of every file, and nothing else.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        rows = connection.execute(
            "select relative_path, bytes, changed_at_ns, sha256 from control.file_hashes"
        ).fetchall()
        self._known: dict[str, tuple[int, int, str]] = {path: (*status, sha) for path, *status, sha in rows}
        self._new: dict[str, tuple[int, int, str]] = {}

    def of(self, relative_path: str, path: Path) -> tuple[str, int]:
        """Return a file's sha256 and how many bytes were hashed."""
        status = path.stat()
        bytes_then, changed_then, sha256 = self._known.get(relative_path, (-1, -1, ""))
        if (bytes_then, changed_then) == (status.st_size, status.st_ctime_ns):
            return sha256, bytes_then
        began = time.time_ns()
        sha256, size = sha256_of(path)
        if size == status.st_size and status.st_ctime_ns + SETTLED_NANOSECONDS < began:
            self._new[relative_path] = self._known[relative_path] = (size, status.st_ctime_ns, sha256)
        return sha256, size

    def keep(self) -> None:
        """Write down what was hashed since the beginning."""
        if not self._new:
            return
        sizes, changes, hashes = zip(*self._new.values(), strict=True)
        new = pa.table(
            {
                "relative_path": pa.array(list(self._new)),
                "bytes": pa.array(sizes, pa.int64()),
                "changed_at_ns": pa.array(changes, pa.int64()),
                "sha256": pa.array(hashes),
            }
        )
        self._connection.register("new_file_hashes", new)
        self._connection.begin()
        self._connection.execute(
            "delete from control.file_hashes "
            "where relative_path in (select relative_path from new_file_hashes)"
        )
        self._connection.execute("insert into control.file_hashes from new_file_hashes")
        self._connection.commit()
        self._connection.unregister("new_file_hashes")
        self._new.clear()


def sha256_of(path: Path) -> tuple[str, int]:
    """Return a file's sha256 and its size."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return digest, stream.tell()
