"""A database driver's error in, what the reader can do about it out."""

from __future__ import annotations

import sqlite3

_OTHERWISE = "Check USAGE_DATABASE_URL, and that this user may read and write there"
_MOVE_FILE = "Move that file away, or choose another place with USAGE_DATABASE_URL or USAGE_DATA_DIR"
_PRIMARY = 0xFF  # SQLite's extended codes keep the kind of the error in their lowest byte

# https://www.sqlite.org/rescode.html
_SQLITE = {
    sqlite3.SQLITE_NOTADB: "It is not a SQLite database: move it away, or choose another file with USAGE_DATABASE_URL",
    sqlite3.SQLITE_CORRUPT: "The file is damaged: move it away, or put a backup in its place",
    sqlite3.SQLITE_CANTOPEN: "Make the folder and the file readable and writable for this user, "
    "or choose another file with USAGE_DATABASE_URL",
    sqlite3.SQLITE_READONLY: "Make the file and its folder writable for this user, "
    "or choose another file with USAGE_DATABASE_URL",
    sqlite3.SQLITE_PERM: "Make the file and its folder writable for this user",
    sqlite3.SQLITE_FULL: "Free space on the disk that holds the file",
    sqlite3.SQLITE_IOERR: "Check the disk that holds the file; SQLite does not work on most network disks",
    sqlite3.SQLITE_BUSY: "Another program holds the file for long: end its transaction, or close it",
    sqlite3.SQLITE_LOCKED: "Another program holds the file for long: end its transaction, or close it",
}

_FREE_SPACE = "Free space on the disk of the database server"
_PASSWORD = "Correct the user and the password in USAGE_DATABASE_URL; percent-encode the password"  # noqa: S105
_RIGHTS = "Give the database user the right to it, or name another user in USAGE_DATABASE_URL"
_READ_ONLY = "Name the primary server in USAGE_DATABASE_URL: this one, or this user, only reads"
_CREATE = "Create the database (createdb), or correct its name in USAGE_DATABASE_URL"
_STOPPED = "The database server was stopped meanwhile: start it, and try again"
_ROLE = "Create that role first: CREATE ROLE name LOGIN; or correct its name"
_SCHEMA = "Let the role's search_path name a schema that exists, or name one with ?schema=usage in USAGE_DATABASE_URL"
_NO_TLS = "Switch TLS on at the server, or write sslmode=prefer in USAGE_DATABASE_URL"
_ONLY_TLS = (
    "The server wants TLS, or does not know this machine and user: see sslmode in USAGE_DATABASE_URL and pg_hba.conf"
)
_CERTIFICATE = "Name the certificate of the authority that signed the server's with sslrootcert in USAGE_DATABASE_URL"
_HOST_NAME = "Name the host in USAGE_DATABASE_URL as the server's certificate does"
_SSLMODE = "Write sslmode=require or sslmode=verify-full in USAGE_DATABASE_URL"
_CONNECTIONS = "The server has no connection left: raise its max_connections, or end idle ones"
_REACH = "Start the database server, or correct its host and port in USAGE_DATABASE_URL"
MIGRATE = "Run: usage-plugin migrate"
_RESOLVE = "Correct the host in USAGE_DATABASE_URL, or the name service of this machine"

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL = {
    "25006": _READ_ONLY,
    "28000": _PASSWORD,
    "28P01": _PASSWORD,
    "3D000": _CREATE,
    "3F000": _SCHEMA,
    "42501": _RIGHTS,
    "42703": MIGRATE,
    "42704": _ROLE,
    "42P01": MIGRATE,
    "53100": _FREE_SPACE,
    "53300": _CONNECTIONS,
    "55P03": "Another transaction holds the tables for long: end it",
    "57P01": _STOPPED,
    "57P02": _STOPPED,
    "57P03": "The database server is starting or stopping: wait for it",
}

# A connection that fails brings no code, only libpq's words; the first that fits counts.
_WORDS = (
    ("no such table", MIGRATE),
    ("no such column", MIGRATE),
    ("has no column named", MIGRATE),
    ("server does not support ssl", _NO_TLS),
    ("invalid sslmode", _SSLMODE),
    ("does not match host name", _HOST_NAME),
    ("certificate verify failed", _CERTIFICATE),
    ("root certificate file", _CERTIFICATE),
    ("queuepool limit", "Every connection of this process is in use: try again in a moment"),
    ("permission denied", _RIGHTS),
    ("password authentication failed", _PASSWORD),
    ("no password supplied", _PASSWORD),
    ('role "', _PASSWORD),
    ("no pg_hba.conf entry", _ONLY_TLS),
    ('database "', _CREATE),
    ("too many clients", _CONNECTIONS),
    ("remaining connection slots", _CONNECTIONS),
    ("starting up", _POSTGRESQL["57P03"]),
    ("shutting down", _POSTGRESQL["57P03"]),
    ("failed to resolve host", _RESOLVE),
    ("could not translate host name", _RESOLVE),
    ("connection refused", _REACH),
    ("no such file or directory", _REACH),
    ("timeout expired", _REACH),
    ("timed out", _REACH),
    ("no route to host", _REACH),
    ("network is unreachable", _REACH),
    ("server closed the connection", _REACH),
)


def remedy_for(cause: BaseException) -> str:
    """Say what to do about a driver's error, an ``OSError`` of a SQLite file's folder included."""
    if isinstance(cause, FileExistsError | NotADirectoryError):
        return _MOVE_FILE
    if isinstance(cause, OSError):
        return _SQLITE[sqlite3.SQLITE_CANTOPEN]
    known = _SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & _PRIMARY) or _POSTGRESQL.get(
        getattr(cause, "sqlstate", None) or ""
    )
    text = str(cause).lower()
    return known or next((remedy for words, remedy in _WORDS if words in text), _OTHERWISE)
