"""A line without an id in, how often it came before out; in a file of its own, so that memory stays bounded."""

from __future__ import annotations

import hashlib
import sqlite3


class Repeats:
    """Counts equal lines in a temporary SQLite file, which goes with the process."""

    def __init__(self) -> None:
        self._seen = sqlite3.connect("", isolation_level=None)
        self._seen.execute("PRAGMA journal_mode = OFF")
        self._seen.execute("PRAGMA synchronous = OFF")
        self._seen.execute("CREATE TABLE seen (line BLOB PRIMARY KEY, times INTEGER) WITHOUT ROWID")
        self._seen.execute("BEGIN")

    def count(self, line: str) -> tuple[str, int]:
        """Give a line's hash, and which of its repetitions this one is, from 1."""
        digest = hashlib.blake2b(line.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        counted = "INSERT INTO seen VALUES (?, 1) ON CONFLICT (line) DO UPDATE SET times = times + 1 RETURNING times"
        return digest.hex(), int(self._seen.execute(counted, (digest,)).fetchone()[0])
