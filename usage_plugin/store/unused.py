"""A pruned database in, combinations that no call has any more deleted out, in steps: callers, targets, outcomes, tags.

A writer looks a combination up and then stores a call with its number. So nobody may delete it in between: on SQLite
whoever writes is alone, on PostgreSQL a step waits until all who have looked one up have ended, and only for a moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Column, Connection, Engine, Table, delete, exists, func, select, text
from sqlalchemy.exc import OperationalError

from usage_plugin.store.calls import UsageCall, UsageTag
from usage_plugin.store.freeze import keep_writers_out
from usage_plugin.store.pace import Pace
from usage_plugin.store.partitions import PATIENCE, is_busy
from usage_plugin.store.shared import CALLER, OUTCOME, TAG_SET, TARGET
from usage_plugin.store.snapshot import snapshot
from usage_plugin.store.space import checkpoint
from usage_plugin.store.tables import table_of

# What is left goes the next time; their numbers take 40 MB.
MOST: Final = 1_000_000
_CALL, _TAG = table_of(UsageCall), table_of(UsageTag)
_NAMED_BY: Final = (
    (CALLER, _CALL.c.caller_id),
    (TARGET, _CALL.c.target_id),
    (OUTCOME, _CALL.c.outcome_id),
    (TAG_SET, _CALL.c.tag_set_id),
)
# On SQLite the newest row's number may be given once more, where that row is withdrawn.
_LOOK_BACK: Final = 1000
_ATTEMPTS: Final = 20


def forget_unused(engine: Engine, pace: Pace) -> Iterator[int]:
    """Delete what no call names; gives how many went in each step.

    Where others read for so long that writers would have to wait, as a backup does, it is left to another time.

    Args:
        engine: Of a migrated database.
        pace: How long a step may take, and the rest after it.
    """
    for named in _NAMED_BY:
        seen = _newest(engine)
        if seen is None:
            return
        with snapshot(engine) as connection:
            unused = _unused(connection, *named)
        checkpoint(engine)
        pace.others_wait()
        yield from _delete(engine, named, unused, seen, pace)


def _newest(engine: Engine) -> int | None:
    """Give the row up to which all calls that there will ever be are seen from now on."""
    with _unless_busy(), engine.begin() as connection:
        keep_writers_out(connection)
        return int(connection.execute(select(func.max(_CALL.c.id))).scalar() or 0)
    return None


def _unused(connection: Connection, table: Table, naming: Column[int]) -> list[int]:
    """Read all calls once, in nobody's way."""
    if connection.dialect.name == "postgresql":
        is_unused = ~exists().where(naming == table.c.id)
    else:
        is_unused = table.c.id.not_in(select(naming).where(naming.is_not(None)))
    return list(connection.execute(select(table.c.id).where(is_unused).order_by(table.c.id).limit(MOST)).scalars())


def _delete(
    engine: Engine, named: tuple[Table, Column[int]], unused: Sequence[int], seen: int, pace: Pace
) -> Iterator[int]:
    """Delete what was not named then and is not named since."""
    (table, naming), done, failed, named_since = named, 0, 0, set[int]()
    while done < len(unused) and failed < _ATTEMPTS:
        begin, some, deleted = pace.clock(), unused[done : done + pace.size], None
        with _unless_busy(), pace.step(engine) as connection:
            _let_nobody_look(connection, table)
            rows = connection.execute(select(_CALL.c.id, naming).where(_CALL.c.id > seen - _LOOK_BACK)).all()
            named_since.update(number for _, number in rows)
            seen = max([seen, *(row_id for row_id, _ in rows)])
            deleted = _delete_some(connection, table, [number for number in some if number not in named_since])
        checkpoint(engine)
        pace.rest(begin)
        if deleted is None:
            failed += 1
        else:
            done += len(some)
            yield deleted


def _delete_some(connection: Connection, table: Table, going: Sequence[int]) -> int:
    if table is TAG_SET:
        connection.execute(delete(_TAG).where(_TAG.c.tag_set_id.in_(going)))
    connection.execute(delete(table).where(table.c.id.in_(going)))
    return len(going)


def _let_nobody_look(connection: Connection, table: Table) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
        connection.execute(text(f"LOCK TABLE {table.name} IN ACCESS EXCLUSIVE MODE"))


@contextmanager
def _unless_busy() -> Iterator[None]:
    """Go on where a lock was not to be had in time."""
    try:
        yield
    except OperationalError as error:
        if not is_busy(error):
            raise
