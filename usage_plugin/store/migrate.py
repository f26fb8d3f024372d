"""An Engine in, the schema of this version out: created or upgraded once, from any number of processes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from threading import Lock

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.errors import SchemaMismatch
from usage_plugin.store.database import unavailable, writing
from usage_plugin.store.namespace import make_schema, refuse_litellms
from usage_plugin.store.partitions import forget, prepare
from usage_plugin.store.remedy import MIGRATE

# Own name: the database may be shared with other users of Alembic.
VERSION_TABLE = "usage_schema_version"
# Any constant that nobody else takes: "usage_pl" as bytes, read as a signed 64-bit integer.
ADVISORY_LOCK = int.from_bytes(b"usage_pl", "big", signed=True)
MIGRATIONS = Path(__file__).parent / "migrations"
# Alembic keeps the migration that is going on in its module: one at a time in a process, whatever the database.
_ONE_AT_A_TIME = Lock()


class SchemaState(StrEnum):
    """How the database's schema relates to this version of the package."""

    EMPTY = "empty"
    CURRENT = "current"
    BEHIND = "behind"
    AHEAD = "ahead"


def migrate(engine: Engine) -> None:
    """Create or upgrade the schema in one locked transaction; a kill in the middle leaves the old schema whole.

    On PostgreSQL this month and the next get their partitions, too, where they have none.

    Raises:
        StoreUnavailable: The database does not answer or refuses, or the tables would lie among LiteLLM's.
        SchemaMismatch: A newer version of the package made the schema.
    """
    try:
        if schema_state(engine) is not SchemaState.CURRENT:
            with _ONE_AT_A_TIME, writing(engine).begin() as connection:
                _lock(connection)
                _prepare(connection)
                command.upgrade(_config(connection), "head")
        forget(engine)
        prepare(engine)
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None


def schema_state(engine: Engine) -> SchemaState:
    """Say whether the schema is missing, right, too old or too new.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    try:
        with engine.connect() as connection:
            return _state(connection)
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None


def require_current(engine: Engine) -> None:
    """Refuse a database whose schema is not the one of this version.

    Raises:
        StoreUnavailable: The database does not answer.
        SchemaMismatch: It is missing, older or newer.
    """
    state = schema_state(engine)
    if state is SchemaState.AHEAD:
        raise newer_schema()
    if state is not SchemaState.CURRENT:
        raise SchemaMismatch(f"the schema of the database is {state}", MIGRATE)


def newer_schema() -> SchemaMismatch:
    """Give the error of code that meets a schema newer than itself."""
    return SchemaMismatch(
        "the database was made by a newer version of litellm-usage-plugin",
        "Upgrade the package where this runs: pip install -U litellm-usage-plugin",
    )


def head_revision() -> str:
    """Name the revision that this version of the package writes."""
    head = _scripts().get_current_head()
    assert head is not None, "the package ships at least one migration"  # noqa: S101 - a broken wheel, not an input
    return head


def _state(connection: Connection) -> SchemaState:
    if not inspect(connection).has_table(VERSION_TABLE):
        return SchemaState.EMPTY
    revision = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - our constant
    if revision is None:
        return SchemaState.EMPTY
    if revision == head_revision():
        return SchemaState.CURRENT
    known = {script.revision for script in _scripts().walk_revisions()}
    return SchemaState.BEHIND if revision in known else SchemaState.AHEAD


def _prepare(connection: Connection) -> None:
    """Make the place for the tables, and see that they may be made or upgraded there."""
    if connection.dialect.name == "postgresql":
        make_schema(connection)
    match _state(connection):
        case SchemaState.AHEAD:
            raise newer_schema()
        case SchemaState.EMPTY:
            refuse_litellms(connection)


def _lock(connection: Connection) -> None:
    """Let one process migrate at a time; on SQLite BEGIN IMMEDIATE has done so already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(None))


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
