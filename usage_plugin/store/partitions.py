"""Moments in, partitions of ``usage_call`` for their months there out; PostgreSQL only.

A partition is made beside the table and then attached, which keeps no writer waiting. There is no default partition,
whose rows would have to be looked through.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from usage_plugin.clock import utc_now
from usage_plugin.event import NOT_REPORTED
from usage_plugin.store.retention import BEGINNING
from usage_plugin.store.rows import Columns

# Any constants that nobody else takes, as that of the migrations.
_CREATING = int.from_bytes(b"usage_pt", "big", signed=True)
_AT_THE_EDGE = int.from_bytes(b"usage_pe", "big", signed=True)
_FIRST, _LAST = 2020, 2100
# What another process has just made is in the catalogue before a name can be looked up.
_IS_THERE = """
SELECT 1 FROM pg_class WHERE relname = :name
AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = CAST('usage_call' AS regclass))
"""
_PARTITIONS = """
SELECT relname FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid
WHERE inhparent = CAST('usage_call' AS regclass)
"""
PATIENCE = "100ms"
_LOCK_NOT_AVAILABLE = "55P03"
_EDGE = timedelta(hours=1)
_AHEAD = timedelta(days=31)
_MOVING = ("event_key", "error_class", "calls", "received_at", "completed_at")
_there: WeakKeyDictionary[Engine, set[Month]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month in UTC; all before 2020 is one, and so is all from 2100 on."""

    year: int
    month: int

    @property
    def name(self) -> str:
        """Name the partition."""
        if self.year < _FIRST:
            return f"usage_call_before_{_FIRST}"
        return f"usage_call_from_{_LAST}" if self.year >= _LAST else f"usage_call_{self.year}{self.month:02d}"

    @property
    def end(self) -> datetime:
        """Give the first moment after it."""
        return datetime(self.year + self.month // 12, self.month % 12 + 1, 1, tzinfo=UTC)

    @property
    def start(self) -> datetime:
        """Give its first moment; of all before 2020, one that is before every call."""
        return BEGINNING if self.year < _FIRST else datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def bounds(self) -> tuple[str, str]:
        """Give its first moment, and the first after it, as PostgreSQL takes them."""
        start = "MINVALUE" if self.year < _FIRST else f"'{self.year}-{self.month:02d}-01 00:00:00+00'"
        return start, "MAXVALUE" if self.year >= _LAST else f"'{self.end:%Y-%m-%d} 00:00:00+00'"


def month_of(moment: datetime) -> Month:
    """Give the month of a moment in UTC."""
    if _FIRST <= moment.year < _LAST:
        return Month(moment.year, moment.month)
    return Month(_FIRST - 1, 12) if moment.year < _FIRST else Month(_LAST, 1)


def prepare(engine: Engine, moments: Sequence[datetime] = ()) -> None:
    """Make sure that there is a partition for each moment, and, if possible, for this month and the next.

    Raises:
        SQLAlchemyError: The database does not answer or refuses.
    """
    if engine.dialect.name != "postgresql":
        return
    there = _there.setdefault(engine, set())
    if missing := _months_of(moments) - there:
        _create(engine, sorted(missing))
        there |= missing
    now = utc_now()
    ahead = {month_of(now), month_of(now + _AHEAD)}
    if not ahead <= there:
        there |= ahead  # tried once: whoever may only write leaves it to the owner of the tables
        with suppress(SQLAlchemyError):
            _create(engine, sorted(ahead))


def _months_of(moments: Sequence[datetime]) -> set[Month]:
    """Give the month of each; where the first and the last are in the same, that one."""
    ends = {month_of(moment.astimezone(UTC)) for moment in (min(moments), max(moments))} if moments else set()
    return ends if len(ends) <= 1 else {month_of(moment.astimezone(UTC)) for moment in moments}


def forget(engine: Engine) -> None:
    """Look again at which partitions are there: another process may have dropped one."""
    _there.pop(engine, None)


def is_missing(error: DBAPIError) -> bool:
    """Tell whether a row found no partition."""
    return "no partition of relation" in str(error.orig)


def whole_months(connection: Connection, before: datetime) -> list[Month]:
    """Give the months that have a partition and ended by a moment, the oldest first."""
    if connection.dialect.name != "postgresql":
        return []
    names = connection.execute(text(_PARTITIONS)).scalars()
    found = [month for name in names if (month := _month_named(name)) is not None]
    return sorted(month for month in found if month.end <= before)


def drop(connection: Connection, month: Month, last_id: int | None = None) -> int | None:
    """Drop a month's calls, while nobody writes.

    Who writes waits meanwhile, but never longer than for ``PATIENCE``.

    Args:
        connection: Of a transaction that writes.
        month: Has a partition.
        last_id: Only if no later call is there; ``None`` for all.

    Returns:
        How many calls there were; ``None`` where writers would have to wait too long, or where a later call came.
    """
    calls: int = connection.exec_driver_sql(f"SELECT COUNT(*) FROM {month.name}").scalar_one()  # noqa: S608 - ours
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}'")
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(f"LOCK TABLE ONLY usage_call, {month.name} IN ACCESS EXCLUSIVE MODE")
            newest = connection.exec_driver_sql(f"SELECT MAX(id) FROM {month.name}").scalar()  # noqa: S608 - ours
            if last_id is not None and newest is not None and newest > last_id:
                return None
            connection.exec_driver_sql(f"DROP TABLE {month.name}")
    except OperationalError as error:
        if not is_busy(error):
            raise
        return None
    return calls


def is_busy(error: DBAPIError) -> bool:
    """Tell whether a lock was not to be had in time."""
    return getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE


def known_elsewhere(connection: Connection, columns: Columns) -> set[bytes]:
    """Give the keys of rows that are in a partition already, whichever it is.

    In its own partition a key is unique. Reports of the same request can end in two months only where they ended at the
    edge of one, or where nobody knows when it ended; all others carry the same moment each time. Two writers of such
    rows wait for each other.

    Args:
        connection: Of a transaction that has changed no call yet.
        columns: ``RECORD_COLUMNS``.
    """
    if connection.dialect.name != "postgresql" or not columns["event_key"]:
        return set()
    keys = [bytes.fromhex(key) for key in _that_may_move(columns)]
    if not keys:
        return set()
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _AT_THE_EDGE})
    query = "SELECT event_key FROM usage_call WHERE event_key = ANY(%s)"
    return set(map(bytes, connection.exec_driver_sql(query, (keys,)).scalars()))


def _month_named(name: str) -> Month | None:
    if name == Month(_FIRST - 1, 12).name:
        return Month(_FIRST - 1, 12)
    digits = name.removeprefix("usage_call_")
    is_month = len(digits) == len("202001") and digits.isdecimal()
    return Month(int(digits[:4]), int(digits[4:])) if is_month else None


def _that_may_move(columns: Columns) -> Iterable[str]:
    received, completed = columns["received_at"], columns["completed_at"]
    edges = (min(received), max(received), min(completed) - _EDGE, max(completed) + _EDGE)
    at_an_edge = len(set(map(month_of, edges))) > 1
    for key, error, calls, begin, end in zip(*(columns[name] for name in _MOVING), strict=True):
        if error == NOT_REPORTED or calls > 1 or (at_an_edge and _is_at_an_edge(begin, end)):
            yield key


def _is_at_an_edge(received: datetime, completed: datetime) -> bool:
    month = completed.month
    return not month == received.month == (completed - _EDGE).month == (completed + _EDGE).month


def _create(engine: Engine, months: Sequence[Month]) -> None:
    """Create those that are not there, one process at a time."""
    with engine.begin() as connection:
        missing = [month for month in months if not _is_there(connection, month)]
        if not missing:
            return
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CREATING})
        for month in missing:
            if not _is_there(connection, month):
                _attach(connection, month)


def _is_there(connection: Connection, month: Month) -> bool:
    return connection.execute(text(_IS_THERE), {"name": month.name}).scalar() is not None


def _attach(connection: Connection, month: Month) -> None:
    name, (start, end) = month.name, month.bounds
    connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE usage_call INCLUDING DEFAULTS)")
    connection.exec_driver_sql(f"CREATE UNIQUE INDEX ux_{name}_event_key ON {name} (event_key)")
    connection.exec_driver_sql(f"ALTER TABLE usage_call ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})")
