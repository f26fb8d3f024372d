"""The URL of LiteLLM's own database in, the rows of its LiteLLM_SpendLogs out; the table is only ever read.

Rows come in pages, each a transaction of its own: one that lasted for the whole import would keep LiteLLM's database
from cleaning up behind it. Prompts and answers are not asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads
from sqlalchemy.engine import make_url

from usage_plugin.database_url import SCHEMA, check_database_url, schema_of
from usage_plugin.errors import InputError, StoreUnavailable
from usage_plugin.history.lines import Line, Place
from usage_plugin.history.spend_logs import COLUMNS, REQUIRED

TABLE = "LiteLLM_SpendLogs"
PAGE = 1000
_TIMEOUT_S = 10
# https://www.prisma.io/docs/orm/overview/databases/postgresql#arguments
_PRISMAS_OWN = {
    "connection_limit",
    "pgbouncer",
    "pool_timeout",
    "socket_timeout",
    "sslaccept",
    "sslidentity",
    "sslpassword",
    "statement_cache_size",
}
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
Row = dict[str, Any]


class SpendTable:
    """Reads LiteLLM's table in the order of its index on ``startTime``.

    Args:
        url: Of the database, with or without SQLAlchemy's driver name.
        table: Its name, with a schema before it where that is not the first of the search path.

    Raises:
        InputError: The URL is none, or there is no such table.
        StoreUnavailable: The database does not answer.
    """

    size: int | None = None

    def __init__(self, url: str, table: str = TABLE) -> None:
        self._connection = _connect(url)
        info = self._connection.info
        schema, _, name = table.rpartition(".")
        self._table = sql.Identifier(schema, name) if schema else sql.Identifier(name)
        self.name = table
        self.identity = f"{info.host}:{info.port}/{info.dbname}/{table}"
        self._columns = self._find_columns()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def lines(self, after: Place) -> Iterator[Line]:
        """Give the rows that started after a place. It names a moment, so only the last of several rows has one."""
        rows = self._rows(after.segment)
        row = next(rows, None)
        while row is not None:
            following = next(rows, None)
            started = _microseconds(row["startTime"])
            is_last = following is None or following["startTime"] != row["startTime"]
            label = f"{row['startTime']:%Y-%m-%d %H:%M:%S.%f}"
            yield Line(label, started, Place(started) if is_last else None, row)
            row = following

    def _rows(self, after: int) -> Iterator[Row]:
        names = sql.SQL(", ").join(sql.Identifier(name) for name in self._columns)
        order = sql.SQL('ORDER BY "startTime", request_id LIMIT {}').format(PAGE)
        later = sql.SQL('SELECT {} FROM {} WHERE "startTime" > %s {}').format(names, self._table, order)
        # The first condition is what an index on startTime alone can use.
        behind = sql.SQL(
            'SELECT {} FROM {} WHERE "startTime" >= %s AND ("startTime", request_id) > (%s, %s) {}'
        ).format(names, self._table, order)
        page = self._fetch(later, (_EPOCH + after * _MICROSECOND,)) if after else self._fetch(later, (datetime.min,))
        while page:
            yield from page
            last = page[-1]
            page = self._fetch(behind, (last["startTime"], last["startTime"], last["request_id"]))

    def _fetch(self, query: sql.Composed, values: Sequence[Any]) -> list[Row]:
        try:
            with self._connection.transaction():
                return self._connection.execute(query, values).fetchall()
        except psycopg.Error as error:
            raise _gone(error) from None

    def _find_columns(self) -> tuple[str, ...]:
        """Each version of LiteLLM has some columns more."""
        try:
            with self._connection.transaction():
                query = sql.SQL("SELECT * FROM {} LIMIT 0").format(self._table)
                found = self._connection.execute(query).description or ()
        except psycopg.errors.UndefinedTable:
            raise InputError(f"there is no table {self.name} in that database", "Name it with --table") from None
        except psycopg.Error as error:
            raise InputError(
                f"the table {self.name} cannot be read: {_line(error)}", "Check the user's rights"
            ) from None
        names = {column.name for column in found}
        if missing := [name for name in REQUIRED if name not in names]:
            problem = f"the table {self.name} is no LiteLLM_SpendLogs: it has no column {', '.join(missing)}"
            raise InputError(problem, "Name another with --table")
        return tuple(name for name in COLUMNS if name in names)


def _connect(url: str) -> psycopg.Connection[Row]:
    try:
        url = _without_prismas_own(url)
        check_database_url(url)
        if not url.startswith("postgres"):
            msg = f"LiteLLM keeps no log in {url.partition(':')[0]}"
            raise ValueError(msg)
    except ValueError as error:
        raise InputError(f"SOURCE: {error}", "Give postgresql://USER:PASSWORD@HOST/DATABASE or a CSV file") from None
    plain = _with_search_path(f"postgresql://{url.partition('://')[2]}")
    try:
        connection = psycopg.connect(plain, row_factory=dict_row, connect_timeout=_TIMEOUT_S)
    except psycopg.Error as error:
        raise _gone(error) from None
    # Neither a setting nor a prepared statement of ours may stay in a connection that a pooler hands on to LiteLLM.
    connection.read_only = True
    connection.prepare_threshold = None
    set_json_loads(orjson.loads, connection)
    return connection


def _without_prismas_own(url: str) -> str:
    """Leave out what LiteLLM's own URL says to Prisma about its connections."""
    place, mark, query = url.partition("?")
    kept = [part for part in query.split("&") if part.partition("=")[0] not in _PRISMAS_OWN]
    return f"{place}{mark}{'&'.join(kept)}" if mark and kept else place


def _with_search_path(url: str) -> str:
    """Choose the schema of Prisma's spelling in libpq's own, which does not know it."""
    parsed = make_url(url)
    if schema := schema_of(parsed):
        options = f"{parsed.query.get('options', '')} -csearch_path={schema}".strip()
        parsed = parsed.difference_update_query([SCHEMA]).update_query_dict({"options": options})
    return parsed.render_as_string(hide_password=False)


def _microseconds(moment: datetime) -> int:
    naive = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return (naive - _EPOCH) // _MICROSECOND


def _gone(error: psycopg.Error) -> StoreUnavailable:
    problem = f"LiteLLM's database cannot be read: {_line(error)}"
    return StoreUnavailable(problem, "Check the URL; started again, the import goes on where it was")


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
