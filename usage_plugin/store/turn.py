"""An Engine in, the right to work on its database out, which one process at a time has."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.store.database import unavailable

# Any number that nobody else takes beside the schema's: "work" as bytes.
WORKER: Final = int.from_bytes(b"work", "big")
_TAKE: Final = text("SELECT pg_try_advisory_lock(:key, hashtext(current_schema()))")


class Turn:
    """The turn of one among many workers. It ends with the process, whatever ends that.

    On PostgreSQL it is a lock that a connection of its own holds, on SQLite one on a file beside the database.

    Args:
        engine: Of the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._file: int | None = None

    def take(self) -> bool:
        """Say whether it is ours, now or still.

        Raises:
            StoreUnavailable: The database does not answer, or no file can be made beside it.
        """
        try:
            return self._take_connection() if self._engine.dialect.name == "postgresql" else self._take_file()
        except (SQLAlchemyError, OSError) as error:
            self.give_back()
            raise unavailable(self._engine.url, error) from None

    def give_back(self) -> None:
        """Let another have it."""
        if self._connection is not None:
            # Back in the pool the connection would go on holding the lock.
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _take_connection(self) -> bool:
        if self._connection is not None:
            self._connection.execute(text("SELECT 1"))
            return True
        # Without a transaction, which would keep the database from tidying up for as long as it is open.
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if connection.execute(_TAKE, {"key": WORKER}).scalar_one():
            self._connection = connection
            return True
        connection.close()
        return False

    def _take_file(self) -> bool:
        if self._file is not None:
            return True
        path = Path(str(self._engine.url.database))
        file = os.open(path.with_name(f"{path.name}.worker"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True
