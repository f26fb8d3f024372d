"""A question and time that no sheet answers for in, a refusal out where calls of then are gone with their totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, false, or_, select

from usage_plugin.errors import NoLongerKept
from usage_plugin.store.dimensions import COLUMNS
from usage_plugin.store.read.calls import Stretch
from usage_plugin.store.read.question import Question
from usage_plugin.store.retention import KEPT_BY_THE_HOUR, Kind, pruned_before
from usage_plugin.store.tables import UsageDaily, table_of

_DAILY: Final = table_of(UsageDaily).c
_LATER: Final = f"Ask about a later time; {KEPT_BY_THE_HOUR}"
_INSTANT: Final = timedelta(microseconds=1)


def refuse_gone(connection: Connection, question: Question, stretches: Sequence[Stretch]) -> None:
    """Say so rather than take time whose totals by the hour are pruned for time without calls.

    Daily totals are kept longer and tell whether there were any; where those are gone too, nobody can.

    Args:
        connection: Sees one moment.
        question: Which calls are meant.
        stretches: Time that no sheet answers for.

    Raises:
        NoLongerKept: There were calls, or nobody can tell.
    """
    if question.as_kept or question.after_row:
        return
    marks = pruned_before(connection)
    kept = marks[Kind.SHEETS]
    for start, end in ((start, min(end, kept)) for start, end in stretches if start < kept):
        if start < marks[Kind.DAILY] or _had_calls(connection, question, start, end):
            msg = f"calls before {kept:%Y-%m-%d} are no longer kept by the hour"
            raise NoLongerKept(msg, _LATER, since=kept)


def _had_calls(connection: Connection, question: Question, start: datetime, end: datetime) -> bool:
    """Ask the daily totals of whole UTC days: some calls of the first and the last may lie outside."""
    days = _DAILY.day >= start.date(), _DAILY.day <= (end - _INSTANT).date()
    return connection.execute(select(_DAILY.day).where(*days, *_chosen(question)).limit(1)).first() is not None


def _chosen(question: Question) -> Iterator[Any]:
    """Give the filters that daily totals know."""
    for dimension, values in question.choices.items():
        column = _DAILY.get(COLUMNS.get(dimension, ""))
        if column is not None:
            named = [value for value in values if value is not None]
            unset = [column.is_(None)] if None in values else []
            yield or_(column.in_(named), *unset) if named else or_(*unset, false())
