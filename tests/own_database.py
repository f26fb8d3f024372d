"""A running PostgreSQL in; a database of one's own on it out, which is gone afterwards."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.engine import make_url

from usage_plugin.store.database import connect

EMPTY = "template1"


@contextmanager
def own_database(server: str, template: str = EMPTY) -> Iterator[str]:
    """Make a database, and remove it in the end, with whoever still uses it.

    Args:
        server: A URL of any of its databases.
        template: What it is a copy of; nobody may be connected to it.

    Yields:
        The new one's URL.
    """
    name = f"usage_{uuid.uuid4().hex[:12]}"
    # Where nothing is synced, copying files takes less time than logging what is in them.
    execute(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    try:
        yield url_of(server, name)
    finally:
        execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def execute(server: str, *statements: str) -> None:
    """Run statements, each outside of a transaction."""
    admin = connect(_psycopg(server))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))
    admin.dispose()


def url_of(server: str, name: str) -> str:
    """Give the URL of a database of a server."""
    return make_url(_psycopg(server)).set(database=name).render_as_string(hide_password=False)


def _psycopg(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
