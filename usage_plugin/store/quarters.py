"""Moments in, quarters of an hour since 1970 out, in Python and in SQL: any time zone's days are whole ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

QUARTER_S: Final = 900
QUARTERS_PER_HOUR: Final = 4
_QUARTER_US: Final = QUARTER_S * 1_000_000
_YEAR_1: Final = datetime(1, 1, 1, tzinfo=UTC)


def floor_quarter(moment: datetime) -> int:
    """Give the quarter that a moment lies in."""
    return int(moment.timestamp() // QUARTER_S)


def ceil_quarter(moment: datetime) -> int:
    """Give the first quarter that begins at or after a moment."""
    return -int(-moment.timestamp() // QUARTER_S)


def start_of(quarter: int) -> datetime:
    """Give the moment at which a quarter begins."""
    return datetime.fromtimestamp(quarter * QUARTER_S, UTC)


class quarter_of(FunctionElement[int]):  # noqa: N801 - reads as an SQL function
    """``quarter_of(moment)``: the same in SQL."""

    type = Integer()
    inherit_cache = True
    name = "quarter_of"


@compiles(quarter_of, "sqlite")
def _on_sqlite(element: quarter_of, compiler: SQLCompiler, **options: Any) -> str:
    # Records keep microseconds there. Its division cuts off towards zero, so it is done from the year 1 on.
    us, before_1970 = compiler.process(element.clauses, **options), -floor_quarter(_YEAR_1)
    return f"(({us} + {before_1970 * _QUARTER_US}) / {_QUARTER_US} - {before_1970})"


@compiles(quarter_of, "postgresql")
def _on_postgresql(element: quarter_of, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(floor(extract(epoch FROM {compiler.process(element.clauses, **options)}) / {QUARTER_S}) AS INTEGER)"
