"""What keys have used in, kept and given back by key: what is not here is new to a key."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from usage_plugin.store.analysis_tables import KnownUse
from usage_plugin.store.read.sql import reading
from usage_plugin.store.tables import table_of

_AT_ONCE = 500
_KEY = ("api_key_hash", "attribute", "value")


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
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    for use in uses:
        values = use.model_dump()
        write = dialect.insert(table_of(KnownUse)).values(**values)
        others = {name: value for name, value in values.items() if name not in _KEY}
        connection.execute(write.on_conflict_do_update(index_elements=list(_KEY), set_=others))
