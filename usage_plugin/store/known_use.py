"""What keys have used in, kept and given back by key: what is not here is new to a key."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Final

from sqlalchemy import Connection, Engine, delete, or_, select

from usage_plugin.store import bulk
from usage_plugin.store.analysis_tables import KnownUse
from usage_plugin.store.database import changing
from usage_plugin.store.read.sql import reading
from usage_plugin.store.rows import Row
from usage_plugin.store.tables import table_of

_AT_ONCE: Final = 500
_WRITTEN_AT_ONCE: Final = 10_000
_KEY: Final = ("api_key_hash", "attribute", "value")
_OTHERS: Final = ("first_used_at", "last_used_at", "calls")
_COLUMNS: Final = (*_KEY, *_OTHERS)
_REPLACE: Final = f"({', '.join(_KEY)}) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _OTHERS)


def known_uses(engine: Engine, keys: Collection[str]) -> list[KnownUse]:
    """Give all that some keys have used.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    table, wanted, found = table_of(KnownUse), sorted(keys), list[KnownUse]()
    with reading(engine) as connection:
        for first in range(0, len(wanted), _AT_ONCE):
            some = table.c.api_key_hash.in_(wanted[first : first + _AT_ONCE])
            found += [KnownUse(**row) for row in connection.execute(select(table).where(some)).mappings()]
    return found


def keep_uses(connection: Connection, uses: Sequence[KnownUse]) -> None:
    """Write uses, each in the place of what is kept of it.

    Args:
        connection: Of a transaction that writes.
        uses: All different.
    """
    rows = sorted((_row(use) for use in uses), key=itemgetter(slice(len(_KEY))))
    for first in range(0, len(rows), _WRITTEN_AT_ONCE):
        bulk.insert(connection, table_of(KnownUse), _COLUMNS, rows[first : first + _WRITTEN_AT_ONCE], _REPLACE)


def forget_uses(engine: Engine, before: datetime, addresses_before: datetime) -> int:
    """Delete what was used last before some moments; gives how many uses.

    Args:
        engine: Of a migrated database.
        before: Of whatever was used.
        addresses_before: Of addresses, which may be personal.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    table = table_of(KnownUse)
    last, is_address = table.c.last_used_at, table.c.attribute == "client_ip"
    is_old = or_(last < before, is_address & (last < addresses_before))
    with changing(engine) as connection:
        return connection.execute(delete(table).where(is_old)).rowcount


def _row(use: KnownUse) -> Row:
    moments = (use.first_used_at.astimezone(UTC), use.last_used_at.astimezone(UTC))
    return (use.api_key_hash, use.attribute, use.value, *moments, use.calls)
