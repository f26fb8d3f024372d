"""A migrated PostgreSQL and a role in; the role may read everything of ours, now and after later migrations."""

from __future__ import annotations

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.store.database import unavailable

# Partitions are read through their table, whose rights are the ones that count.
_GRANTS = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {role}",
)


def grant_read(engine: Engine, role: str) -> str:
    """Let a role read the schema of our tables; gives its name.

    Args:
        engine: Of a user who owns the tables.
        role: That exists already.

    Raises:
        StoreUnavailable: There is no such role, or this user may not.
    """
    quote = engine.dialect.identifier_preparer.quote_identifier
    try:
        with engine.begin() as connection:
            schema: str = connection.execute(text("SELECT current_schema()")).scalar_one()
            for grant in _GRANTS:
                connection.execute(text(grant.format(schema=quote(schema), role=quote(role))))
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None
    return schema
