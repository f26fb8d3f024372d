"""A database in, whether this role may change what is in it out, without trying."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.store.database import unavailable

_MAY = text("SELECT has_table_privilege(to_regclass(:table), 'INSERT, UPDATE, DELETE')")


def may_write(engine: Engine, table: str) -> bool:
    """Say whether this role may change a table; on SQLite whether this user may write the file.

    Args:
        engine: Of a migrated database.
        table: Which one.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    if engine.dialect.name == "sqlite":
        file = Path(str(engine.url.database))
        return os.access(file, os.W_OK) if file.exists() else os.access(file.parent, os.W_OK)
    try:
        with engine.connect() as connection:
            return bool(connection.execute(_MAY, {"table": table}).scalar_one())
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None
