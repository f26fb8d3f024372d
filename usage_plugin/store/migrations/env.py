"""Alembic's entry: runs the migrations on the connection, and in the transaction, that migrate.py hands over."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from usage_plugin.store import tables  # noqa: F401 - registers the tables
from usage_plugin.store.migrate import VERSION_TABLE


def run() -> None:
    """Run what is missing, without a commit of its own."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=SQLModel.metadata, version_table=VERSION_TABLE)
    context.run_migrations()


run()
