"""A transaction that stores calls in, the numbers that the connection knew at the end of its last one out.

Only on SQLite, where a connection can tell that nothing was written since: by others, as ``PRAGMA data_version`` says,
which is asked when nobody else can write any more, and by itself, as its count of changed rows says. What a transaction
found out is kept only after its commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Table

from usage_plugin.store.database import writing

_OPEN, _KEPT = "usage numbers of this transaction", "usage numbers of the last transaction"
_MOST = 262_144

Numbers = dict[Table, dict[tuple[Any, ...], int]]


@dataclass(slots=True)
class _Memory:
    """Numbers by content, and what tells whether they are still right."""

    version: int
    changes: int
    numbers: Numbers = field(default_factory=dict)


@contextmanager
def storing(engine: Engine) -> Iterator[Connection]:
    """Give a transaction that writes, in which `known_numbers` knows what the last one of its connection knew."""
    with writing(engine).connect() as connection:
        info = connection.info
        kept = info.pop(_KEPT, None)
        try:
            with connection.begin():
                if engine.dialect.name == "sqlite":
                    info[_OPEN] = _still_right(connection, kept)
                yield connection
            if _OPEN in info and sum(map(len, info[_OPEN].numbers.values())) <= _MOST:
                info[_OPEN].changes = _changed_rows(connection)
                info[_KEPT] = info[_OPEN]
        finally:
            info.pop(_OPEN, None)


def known_numbers(connection: Connection) -> Numbers:
    """Give numbers that are right until the transaction ends, to be added to; none outside of `storing`."""
    memory: _Memory | None = connection.info.get(_OPEN)
    return {} if memory is None else memory.numbers


def _still_right(connection: Connection, kept: _Memory | None) -> _Memory:
    version: int = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
    changes = _changed_rows(connection)
    return kept if kept and (kept.version, kept.changes) == (version, changes) else _Memory(version, changes)


def _changed_rows(connection: Connection) -> int:
    driver: Any = connection.connection.driver_connection
    changes: int = driver.total_changes
    return changes
