"""A database URL in, an Engine out that behaves the same on SQLite and PostgreSQL."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from usage_plugin.database_url import SCHEMA
from usage_plugin.errors import StoreUnavailable
from usage_plugin.store.remedy import remedy_for

BUSY_TIMEOUT_MS = 30_000
ASK_AGAIN_S = (0.001, 0.004)
_PRIMARY_CODE = 0xFF
WAL_ATTEMPTS = 100
CONNECT_TIMEOUT_S = 5
BEGIN_OPTION = "sqlite_begin"
IN_BINARY = "postgresql_in_binary"
"""Execution option of a query: PostgreSQL sends its results in binary, so that bytes need not be turned from text."""
_BINARY_FORMAT = 1


def connect(url: str) -> Engine:
    """Give an Engine; nothing is opened until it is used.

    Args:
        url: As in ``Settings.url``: a SQLite file is named in full.

    Raises:
        StoreUnavailable: The folder of a SQLite file cannot be made.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    engine = create_engine(
        parsed, pool_size=5, pool_pre_ping=True, pool_recycle=1800, connect_args={"connect_timeout": CONNECT_TIMEOUT_S}
    )
    event.listen(engine, "do_connect", _choose_schema)
    event.listen(engine, "before_cursor_execute", _choose_format)
    return engine


def writing(engine: Engine) -> Engine:
    """Give the same Engine for transactions that write: on SQLite they take the write lock at once.

    A deferred transaction that starts to write after reading fails at once, whatever the busy timeout says.
    """
    return engine.execution_options(**{BEGIN_OPTION: "BEGIN IMMEDIATE"})


@contextmanager
def changing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes; its errors become one line that names the database.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    try:
        with writing(engine).begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from error


def check(engine: Engine) -> None:
    """Ask the database for a sign of life.

    Raises:
        StoreUnavailable: It does not answer; says where and why in one line.
    """
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError) as error:
        raise unavailable(engine.url, error) from None


def unavailable(url: URL, error: BaseException) -> StoreUnavailable:
    """Turn a driver's error into one line that names the database, without its password."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return StoreUnavailable(
        f"the database {url.render_as_string(hide_password=True)} cannot be used: {_in_words(cause)}",
        remedy_for(cause),
    )


def _in_words(cause: BaseException) -> str:
    if isinstance(cause, FileExistsError | NotADirectoryError):
        return f"{cause.filename} is a file or lies in one, so it cannot be a folder"
    if isinstance(cause, OSError) and cause.strerror:
        return f"{cause.filename}: {cause.strerror}"
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]


def _choose_schema(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
    """Let a connection see and make tables in the schema of the URL alone."""
    if schema := options.pop(SCHEMA, ""):
        options["options"] = f"{options.get('options', '')} -csearch_path={schema}".strip()


def _choose_format(
    _connection: Any, cursor: Any, _statement: str, _parameters: Any, context: Any, _executemany: bool
) -> None:
    if context is not None and context.execution_options.get(IN_BINARY):
        cursor.format = _BINARY_FORMAT


def _sqlite(url: URL) -> Engine:
    _make_folder(url)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_folder(url: URL) -> None:
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unavailable(url, error) from None


def _configure_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """Make the driver leave transactions to us, and set what each connection needs."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # Decided before a file's first page; asking again later would take the write lock each time.
    if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    _switch_to_wal(connection)


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Let readers and the writer work at once. The switch ignores busy_timeout, so it is tried again by hand."""
    for attempt in range(WAL_ATTEMPTS):
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] in ("wal", "memory"):
                return
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "readonly" in str(error):  # a reader of a read-only file works without the switch
                return
            if "locked" not in str(error) or attempt == WAL_ATTEMPTS - 1:
                raise
            time.sleep(0.05)


def _begin_sqlite(connection: Connection) -> None:
    statement = connection.get_execution_options().get(BEGIN_OPTION, "BEGIN")
    if statement == "BEGIN":
        connection.exec_driver_sql(statement)
    else:
        _take_write_lock(connection, statement)


def _take_write_lock(connection: Connection, statement: str) -> None:
    """Ask for the write lock every few milliseconds.

    SQLite's own waiting asks ever less often, down to ten times a second: who has waited long then waits on, while
    others come and get the lock.
    """
    driver: Any = connection.connection.driver_connection
    until_s = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while time.monotonic() < until_s:
            try:
                driver.execute(statement)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY:
                    break
            else:
                return
            time.sleep(random.uniform(*ASK_AGAIN_S))  # noqa: S311 - so that two do not ask in step
        connection.exec_driver_sql(statement)  # raises what is wrong as one of SQLAlchemy's errors
    finally:
        driver.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
