"""A migrated SQLite database, where what is tested is no matter of the database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from usage_plugin.store.database import connect


@pytest.fixture
def sqlite(migrated_sqlite_url: str) -> Iterator[Engine]:
    """Give an engine of a file of its own."""
    engine = connect(migrated_sqlite_url)
    yield engine
    engine.dispose()
