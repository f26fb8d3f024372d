"""A SQLite database that is written to in, a file with all that was committed at one moment out."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url

from usage_plugin.errors import InputError, StoreUnavailable
from usage_plugin.store.remedy import remedy_for

# So many pages are copied between two words about how far it is; a copy of all at once would say nothing for minutes.
PAGES = 4096
PARTIAL = ".part"
Progress = Callable[[int, int], None]
"""Takes pages done and pages in all."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What was saved.

    Args:
        file: Where.
        bytes_saved: Its size.
        seconds: How long it took.
    """

    file: Path
    bytes_saved: int
    seconds: float


def back_up(url: str, file: Path, progress: Progress = lambda _done, _total: None, *, pages: int = PAGES) -> Backup:
    """Copy a SQLite database while others write to it; they do not wait, and the copy has no half transaction.

    One snapshot is read from beginning to end. The copy gets its name when it is complete and on disk.

    Args:
        url: Of the database.
        file: That is not there yet, in a folder that is.
        progress: Told how far it is.
        pages: Copied between two words of it.

    Raises:
        InputError: The file is there, its folder is not, or the database is no SQLite file.
        StoreUnavailable: The database is not there or cannot be read, or the copy cannot be written.
    """
    began = time.monotonic()
    source = _source(url)
    _refuse(file)
    partial = file.with_name(f"{file.name}.{os.getpid()}{PARTIAL}")
    try:
        with contextlib.closing(_open(source)) as database, contextlib.closing(sqlite3.connect(partial)) as copy:
            _copy(database, copy, progress, pages)
        _name(partial, file)
    except FileExistsError:
        raise _is_there(file) from None
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(f"{source} cannot be saved to {file}: {error}", remedy_for(error)) from None
    finally:
        partial.unlink(missing_ok=True)
    return Backup(file, file.stat().st_size, time.monotonic() - began)


def _source(url: str) -> Path:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        problem = f"{parsed.render_as_string(hide_password=True)} is saved by PostgreSQL's own pg_dump"
        raise InputError(problem, "See docs/backup.md for how")
    return Path(str(parsed.database))


def _refuse(file: Path) -> None:
    if file.exists():
        raise _is_there(file)
    if not file.parent.is_dir():
        raise InputError(f"the folder {file.parent} is not there", "Make it, or name a file in another one")


def _is_there(file: Path) -> InputError:
    return InputError(f"{file} is there already, and is not overwritten", "Name a new file")


def _open(source: Path) -> sqlite3.Connection:
    """Open it without making it; a read-only connection cannot make the files that WAL needs."""
    return sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=30)


def _copy(database: sqlite3.Connection, copy: sqlite3.Connection, progress: Progress, pages: int) -> None:
    """Copy page by page in one transaction: without it SQLite begins anew whenever somebody has written."""
    with _snapshot(database):
        database.backup(copy, pages=pages, progress=lambda _status, left, total: progress(total - left, total))


@contextlib.contextmanager
def _snapshot(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN")
    database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    yield
    database.execute("ROLLBACK")


def _name(partial: Path, file: Path) -> None:
    """Give the copy its name in one step, once all of it is on disk; never to a file that came meanwhile."""
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(partial, file)
    except FileExistsError:
        raise
    except OSError:  # a disk that has no links, as many for backups
        partial.rename(file)
