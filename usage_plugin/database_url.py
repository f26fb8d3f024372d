"""A database URL as somebody wrote it in; the one that is used, or what is wrong with it, out."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

_POSTGRES = ("postgresql", "postgres")
# Prisma's spelling, which LiteLLM's own URLs have; libpq knows no such option.
SCHEMA = "schema"
_SCHEMA_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")


def absolute(path: Path) -> Path:
    """Give the one name of a file that is the same in every working directory; ``~`` is the user's home."""
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError):  # no home, a loop of links: the name as it is says most
        return path.absolute()


def sqlite_url(path: Path) -> str:
    """Name a SQLite file as a URL."""
    return URL.create("sqlite", database=str(absolute(path))).render_as_string()


def resolve_database_url(written: str) -> str:
    """Choose the drivers, and make the path of a SQLite file absolute; what is resolved already stays as it is.

    Args:
        written: A URL that ``check_database_url`` accepts.
    """
    url = make_url(written.replace("postgres://", "postgresql://", 1))
    if url.get_backend_name() == "sqlite":
        url = url.set(drivername="sqlite", database=str(absolute(Path(str(url.database)))))
    else:
        url = url.set(drivername="postgresql+psycopg")
    return url.render_as_string(hide_password=False)


def schema_of(url: URL) -> str:
    """Name the schema that a PostgreSQL URL chooses; empty where it leaves that to the server."""
    return str(url.query.get(SCHEMA, ""))


def check_database_url(written: str) -> None:
    """Refuse a URL that cannot work.

    Raises:
        ValueError: It cannot; the message never quotes the URL, which may hold a password.
    """
    try:
        url = make_url(written)
    except (ArgumentError, ValueError):  # ValueError quotes what should be the port
        msg = "it is not a database URL"
        raise ValueError(msg) from None
    backend = url.get_backend_name()
    if backend not in {"sqlite", *_POSTGRES}:
        msg = f"{backend} is not supported"
        raise ValueError(msg)
    if backend == "sqlite":
        _check_sqlite(url)
    else:
        _check_postgresql(written, url)


def _check_sqlite(url: URL) -> None:
    if url.host:
        msg = "a SQLite URL has three slashes before a relative path and four before an absolute one: sqlite:///FILE"
        raise ValueError(msg)
    if not url.database or ":memory:" in url.database:
        msg = "a database in memory is gone with its process, and no other sees it; name a file: sqlite:///FILE"
        raise ValueError(msg)
    if url.database.startswith("file:"):
        msg = "SQLite's own file: URIs are not supported; name the file alone: sqlite:///FILE"
        raise ValueError(msg)


def _check_postgresql(written: str, url: URL) -> None:
    """Refuse what a password that is not percent-encoded leaves behind: its end would be shown as a host."""
    _, _, rest = written.partition("://")
    place = rest.partition("@")[2] if "@" in rest else rest
    if {"@", "#"} & set(place) or place.partition("?")[0].count("/") > 1:
        msg = (
            "what follows the first @ is no host and database: percent-encode the password "
            "(@ is %40, # is %23, / is %2F, : is %3A, ? is %3F, % is %25)"
        )
        raise ValueError(msg)
    if "password" in url.query:
        msg = "the password stands before the host: postgresql://user:password@host/database"
        raise ValueError(msg)
    _check_options(url)


def _check_options(url: URL) -> None:
    """Refuse what libpq would refuse at each connection."""
    from psycopg import pq  # noqa: PLC0415 - a library that most set-ups do not need

    known = [SCHEMA, *(option.keyword.decode() for option in pq.Conninfo.get_defaults())]
    for name in url.query:
        if name not in known:
            close = "".join(f"; did you mean {each}" for each in difflib.get_close_matches(name, known, 1))
            msg = f"PostgreSQL has no option {name}{close}"
            raise ValueError(msg)
    if SCHEMA in url.query and not _SCHEMA_NAME.fullmatch(schema_of(url)):
        msg = f"schema={schema_of(url)} cannot be: use lower-case letters, digits and _, and no pg_ in front"
        raise ValueError(msg)
