"""An Engine in, a transaction out in which all that is read belongs to one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that sees one moment; on SQLite with its log every one does."""
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with engine.execution_options(**options).begin() as connection:
        yield connection
