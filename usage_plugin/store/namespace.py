"""A connection to PostgreSQL in, the schema of our tables out: made where the URL names it, and never LiteLLM's."""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.schema import CreateSchema

from usage_plugin.database_url import SCHEMA, schema_of
from usage_plugin.errors import StoreUnavailable

OWN_SCHEMA = f"Take a database of its own, or a schema of its own: add ?{SCHEMA}=usage to USAGE_DATABASE_URL"
_LITELLMS = text("""
    SELECT relname FROM pg_class
    WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relname LIKE 'LiteLLM\\_%' LIMIT 1
""")


def make_schema(connection: Connection) -> None:
    """Make the schema that the URL names, where it is not there."""
    name = schema_of(connection.engine.url)
    # IF NOT EXISTS would ask for the right to make one even where it is there.
    if name and connection.execute(text("SELECT to_regnamespace(:name) IS NULL"), {"name": name}).scalar_one():
        connection.execute(CreateSchema(name))


def lies_beside_litellm(connection: Connection) -> bool:
    """Say whether LiteLLM's tables are in the schema that ours are, or would be, in."""
    return connection.dialect.name == "postgresql" and connection.execute(_LITELLMS).first() is not None


def refuse_litellms(connection: Connection) -> None:
    """Make no tables among LiteLLM's: its migrations may drop what they do not know.

    Raises:
        StoreUnavailable: LiteLLM's tables are in this schema.
    """
    if lies_beside_litellm(connection):
        place = connection.engine.url.render_as_string(hide_password=True)
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
        raise StoreUnavailable(f"the schema {schema} of {place} is LiteLLM's own, and gets no tables", OWN_SCHEMA)
