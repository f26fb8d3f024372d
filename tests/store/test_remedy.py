"""What stops a real database, and the advice that comes with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.errors import StoreUnavailable
from usage_plugin.store.database import check, connect, unavailable, writing
from usage_plugin.store.migrate import migrate
from usage_plugin.store.remedy import remedy_for


def stopped(engine: Engine) -> StoreUnavailable:
    """Give the error of a database that does not answer."""
    with pytest.raises(StoreUnavailable) as caught:
        check(engine)
    engine.dispose()
    return caught.value


def refused(engine: Engine, act: Callable[[Connection], object]) -> StoreUnavailable:
    """Give the error of a database that answers, but does not do this."""
    with pytest.raises(SQLAlchemyError) as caught, engine.begin() as connection:
        act(connection)
    engine.dispose()
    return unavailable(engine.url, caught.value)


def test_a_file_of_another_kind_is_to_be_moved_away(tmp_path: Path) -> None:
    """Nothing about servers and folders."""
    (tmp_path / "letter.db").write_text("this is a letter, not a database " * 100)
    error = stopped(connect(f"sqlite:///{tmp_path / 'letter.db'}"))
    assert "file is not a database" in error.problem
    assert error.remedy.startswith("It is not a SQLite database: move it away, or choose another file")


def test_a_folder_in_the_place_of_the_file_is_to_be_made_usable(tmp_path: Path) -> None:
    """SQLite cannot open it."""
    assert "or choose another file" in stopped(connect(f"sqlite:///{tmp_path}")).remedy


def test_a_file_in_the_place_of_the_folder_is_said_in_words(tmp_path: Path) -> None:
    """No number of an error, whether it is the folder itself or one above it."""
    (tmp_path / "data").write_text("")
    for folder in ("data", "data/deeper"):
        with pytest.raises(StoreUnavailable) as caught:
            connect(f"sqlite:///{tmp_path / folder / 'usage.db'}")
        assert "is a file" in caught.value.problem
        assert "Errno" not in caught.value.problem
        assert caught.value.remedy.startswith("Move that file away")


def test_a_locked_file_is_to_be_let_go(sqlite_url: str) -> None:
    """Another program's transaction is named as the cause."""
    migrate(connect(sqlite_url))
    other = sqlite3.connect(str(make_url(sqlite_url).database), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    engine = connect(sqlite_url)

    def write(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA busy_timeout = 0")
        connection.execute(text("DELETE FROM usage_day"))

    assert "Another program holds the file" in refused(engine, write).remedy
    other.close()


def test_a_full_disk_is_to_be_freed(sqlite_url: str) -> None:
    """SQLite's own limit of pages gives the same error."""

    def fill(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE heap (content BLOB)")
        connection.exec_driver_sql("PRAGMA max_page_count = 3")
        connection.exec_driver_sql("INSERT INTO heap VALUES (zeroblob(100000))")

    assert "Free space on the disk" in refused(writing(connect(sqlite_url)), fill).remedy


def test_a_database_that_only_reads_is_told_apart(database_url: str) -> None:
    """A read-only connection on SQLite, a read-only transaction on PostgreSQL."""
    engine = connect(database_url)
    sqlite = engine.dialect.name == "sqlite"

    def write(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA query_only = 1" if sqlite else "SET TRANSACTION READ ONLY")
        connection.exec_driver_sql("CREATE TABLE heap (content INTEGER)")

    assert ("writable" if sqlite else "primary server") in refused(engine, write).remedy


def test_a_missing_table_asks_for_a_migration(database_url: str) -> None:
    """On both databases."""
    error = refused(connect(database_url), lambda connection: connection.execute(text("SELECT * FROM usage_daily")))
    assert error.remedy == "Run: usage-plugin migrate"


def test_a_database_that_does_not_exist_is_to_be_created(postgres_url: str) -> None:
    """The server runs; only the name is wrong."""
    url = make_url(postgres_url).set(database="nowhere").render_as_string(hide_password=False)
    assert "createdb" in stopped(connect(url)).remedy


def test_a_user_that_does_not_exist_is_to_be_corrected(postgres_url: str) -> None:
    """Like a wrong password."""
    url = make_url(postgres_url).set(username="nobody").render_as_string(hide_password=False)
    assert "the user and the password" in stopped(connect(url)).remedy


def test_a_user_without_rights_is_to_be_given_them(postgres_url: str) -> None:
    """The server answers and refuses."""

    def look(connection: Connection) -> None:
        connection.exec_driver_sql("SET ROLE pg_monitor")
        connection.exec_driver_sql("SELECT * FROM pg_authid")

    assert "the right to it" in refused(connect(postgres_url), look).remedy


def test_a_server_that_is_not_there_is_to_be_started() -> None:
    """Nobody listens; the password stays hidden."""
    error = stopped(connect("postgresql+psycopg://ada:secret@127.0.0.1:9/usage"))
    assert error.remedy.startswith("Start the database server")
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ('FATAL:  password authentication failed for user "ada"', "percent-encode the password"),
        ("failed to resolve host 'db': [Errno -2] Name or service not known", "Correct the host"),
        ('FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "a", database "b"', "pg_hba.conf"),
        ("FATAL:  sorry, too many clients already", "max_connections"),
        ("connection timeout expired", "Start the database server"),
        ("FATAL:  the database system is starting up", "wait for it"),
        ("something that nobody has seen yet", "Check USAGE_DATABASE_URL"),
    ],
)
def test_words_of_a_connection_that_fails_have_a_remedy(words: str, advice: str) -> None:
    """What cannot be brought about here, in libpq's own words."""
    assert advice in remedy_for(psycopg.OperationalError(f"connection failed: {words}"))
