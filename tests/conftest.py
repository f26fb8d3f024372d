"""What every test may ask for: databases of both kinds, fresh for each test and migrated."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.own_database import execute, own_database, url_of
from tests.own_server import OwnServer, own_server
from tests.temporary import use_memory
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate

# Before anything asks where temporary files go.
use_memory()
# LiteLLM reads it when it is imported, which may be while tests are collected.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
HURRY = ("fsync", "full_page_writes", "synchronous_commit")


@pytest.fixture(autouse=True, scope="session")
def _own_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep every test, and every process that it starts, away from the user's own data and from the network."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("USAGE_")]:
            patch.delenv(name)
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a real PostgreSQL once; gives a URL of its maintenance database."""
    with own_server(tmp_path_factory.mktemp("pg")) as server:
        # Its files need not outlive the power: half of the time of each new database.
        execute(server.url, *(f"ALTER SYSTEM SET {name} = off" for name in HURRY), "SELECT pg_reload_conf()")
        yield server.url.replace("+psycopg", "")


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Make an empty database of its own on the real PostgreSQL."""
    with own_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def stoppable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    """Start a PostgreSQL that tests may stop."""
    with own_server(tmp_path_factory.mktemp("stoppable")) as server:
        yield server


@pytest.fixture
def own_server_url(stoppable: OwnServer) -> Iterator[str]:
    """Make an empty database of its own on that server, which runs now."""
    stoppable.start()
    with own_database(stoppable.url) as url:
        yield url
        stoppable.start()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Name a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'usage.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give an empty database of each kind in turn."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> str:
    """Migrate a database once, for tests to get copies of it; gives its name."""
    name = "usage_migrated"
    execute(postgres_server, f"CREATE DATABASE {name}")
    _migrate(url_of(postgres_server, name))
    return name


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate a file once, for tests to get copies of it."""
    file = tmp_path_factory.mktemp("migrated") / "usage.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def migrated_postgres_url(postgres_server: str, migrated_postgres: str) -> Iterator[str]:
    """Make a migrated database of its own on the real PostgreSQL."""
    with own_database(postgres_server, migrated_postgres) as url:
        yield url


@pytest.fixture
def migrated_sqlite_url(tmp_path: Path, sqlite_url: str, migrated_sqlite: Path) -> str:
    """Make the SQLite file, migrated."""
    shutil.copy(migrated_sqlite, tmp_path / "usage.db")
    return sqlite_url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Give a migrated database of each kind in turn."""
    name = "migrated_sqlite_url" if request.param == "sqlite" else "migrated_postgres_url"
    engine = connect(request.getfixturevalue(name))
    yield engine
    engine.dispose()


def _migrate(url: str) -> None:
    engine = connect(url)
    migrate(engine)
    engine.dispose()
