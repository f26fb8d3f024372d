"""Parts of the calls in, what they cost out: exactly, or what was stored since somebody looked last.

Numbers of rows grow, but on PostgreSQL a transaction may end after another one that got higher numbers. So those that
are missing below the highest one are remembered, and looked for the next time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Connection, Engine, cast, func, literal, or_, select
from sqlalchemy import case as when

from usage_plugin.errors import NoLongerKept
from usage_plugin.store.calls import UsageCall, UsageCaller, UsageTag, UsageTarget
from usage_plugin.store.dimensions import COLUMNS, Dimension
from usage_plugin.store.read.answer import answered
from usage_plugin.store.read.cells import OF_COST
from usage_plugin.store.read.question import Question
from usage_plugin.store.read.sql import reading
from usage_plugin.store.tables import table_of

_CALL, _CALLER, _TARGET, _TAG = (table_of(each) for each in (UsageCall, UsageCaller, UsageTarget, UsageTag))
_ASKED: Final = (_TARGET.c.model_group, _TARGET.c.model, _TARGET.c.provider)
MOST_MISSING: Final = 1000
RECENT_ROWS: Final = 10_000
"""Calls that tell what a call costs, and whom a model group asks."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Up to which row all are counted, and the numbers below it that were not there."""

    row_id: int = 0
    missing: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Mass:
    """Calls that are alike in what was asked for, added up."""

    members: Mapping[Dimension, tuple[str, ...]]
    """Of each dimension; a call has many tags and at most one of anything else."""
    model_group: str | None
    model: str | None
    provider: str | None
    era: int
    """How many of the bounds lie at or before the end of these calls."""
    cost_nano_usd: int
    paid_calls: int
    """Those that cost something."""


@dataclass(frozen=True, slots=True)
class News:
    """What was stored since somebody looked, and how far that goes; all of it at one moment."""

    seen: Seen
    masses: tuple[Mass, ...] = ()
    sums_nano_usd: tuple[Sum, ...] = ()
    """All known costs of each question, ``None`` where only calls could tell that are pruned."""


Sum = int | Mapping[date, int] | None
"""In all, or of each day."""


@dataclass(frozen=True, slots=True)
class Exactly:
    """What is to be added up from its begin: in all, or each day by itself."""

    question: Question
    by_day: bool = False


def spent_since(
    engine: Engine,
    seen: Seen | None,
    dimensions: Iterable[Dimension] = (),
    bounds: Sequence[datetime] = (),
    exactly: Iterable[Exactly] = (),
) -> News:
    """Add up what was stored since then, by what the dimensions tell apart, and some questions from their begin.

    Both belong to one moment: whoever is counted exactly goes on from there with the same news as everybody.

    Args:
        engine: Of a migrated database.
        seen: What is counted already; ``None`` where nothing is, so that nothing is news.
        dimensions: By what.
        bounds: Calls that ended before and after one of these are kept apart.
        exactly: Asked for one by one, so that whoever gives them may stop.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    with reading(engine) as connection:
        last = int(connection.execute(select(func.max(_CALL.c.id))).scalar() or 0)
        if seen is None:
            news = News(Seen(last, _missing(connection, max(last - MOST_MISSING, 0), last)))
        else:
            news = _news(connection, seen, max(last, seen.row_id), tuple(dimensions), bounds)
        return replace(news, sums_nano_usd=tuple(_sum(connection, each) for each in exactly))


def _news(
    connection: Connection, seen: Seen, last: int, dimensions: tuple[Dimension, ...], bounds: Sequence[datetime]
) -> News:
    came = _there(connection, seen.missing)
    missing = (seen.missing - came) | _missing(connection, seen.row_id, last)
    now_seen = Seen(last, frozenset(sorted(missing)[-MOST_MISSING:]))
    if last == seen.row_id and not came:
        return News(now_seen)
    is_new = or_(_CALL.c.id > seen.row_id, _CALL.c.id.in_(came)) if came else _CALL.c.id > seen.row_id
    return News(now_seen, _masses(connection, is_new, dimensions, bounds))


def lately(engine: Engine) -> tuple[Mass, ...]:
    """Add up the newest calls by model group, model and provider.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    with reading(engine) as connection:
        last = int(connection.execute(select(func.max(_CALL.c.id))).scalar() or 0)
        return _masses(connection, _CALL.c.id > last - RECENT_ROWS, (), ())


def _sum(connection: Connection, exactly: Exactly) -> Sum:
    by_day = _cost_by_day(connection, exactly.question) if exactly.by_day else None
    return _cost(connection, exactly.question) if by_day is None else by_day


def _cost_by_day(connection: Connection, question: Question) -> Mapping[date, int] | None:
    try:
        answer = answered(connection, question, by=None, in_buckets=True, measures=OF_COST)
    except NoLongerKept:  # days of another time zone may be known in all
        return None
    starts = answer.buckets.starts
    costs = answer.cells.by_bucket(len(starts)).costs()
    return {start.astimezone(question.zone).date(): cost or 0 for start, cost in zip(starts, costs, strict=True)}


def _cost(connection: Connection, question: Question) -> int | None:
    try:
        cells = answered(connection, question, by=None, in_buckets=False, measures=OF_COST).cells
    except NoLongerKept:
        return None
    (spent,) = cells.in_all().spent()
    return spent.cost_nano_usd or 0


def _missing(connection: Connection, first: int, last: int) -> frozenset[int]:
    """Name the numbers after *first* that no row has, the newest thousands of them."""
    if last == first:
        return frozenset()
    inside = (_CALL.c.id > first, _CALL.c.id <= last)
    if connection.execute(select(func.count()).where(*inside)).scalar_one() == last - first:
        return frozenset()
    low = max(first, last - MOST_MISSING)
    there = connection.execute(select(_CALL.c.id).where(_CALL.c.id > low, _CALL.c.id <= last)).scalars()
    return frozenset(range(low + 1, last + 1)) - frozenset(there)


def _there(connection: Connection, missing: frozenset[int]) -> frozenset[int]:
    if not missing:
        return frozenset()
    return frozenset(connection.execute(select(_CALL.c.id).where(_CALL.c.id.in_(missing))).scalars())


def _masses(
    connection: Connection,
    is_new: ColumnElement[bool],
    dimensions: tuple[Dimension, ...],
    bounds: Sequence[datetime],
) -> tuple[Mass, ...]:
    columns = [_column(dimension) for dimension in dimensions]
    era: ColumnElement[Any] = literal(0)
    for bound in bounds:
        era = era + when((_CALL.c.completed_at >= bound, 1), else_=0)
    parted = [*_ASKED, *columns, era]
    calls = _CALL.join(_CALLER, _CALLER.c.id == _CALL.c.caller_id).join(_TARGET, _TARGET.c.id == _CALL.c.target_id)
    new = (
        select(*(each.label(f"by_{place}") for place, each in enumerate(parted)), _CALL.c.cost_nano_usd, _CALL.c.calls)
        .select_from(calls)
        .where(is_new)
        .subquery()
    )
    by = [new.c[f"by_{place}"] for place in range(len(parted))]
    cost = cast(func.coalesce(func.sum(new.c.cost_nano_usd), 0), BigInteger)
    paid = cast(func.coalesce(func.sum(when((new.c.cost_nano_usd > 0, new.c.calls), else_=0)), 0), BigInteger)
    return _read(connection, connection.execute(select(*by, cost, paid).group_by(*by)).all(), dimensions)


def _column(dimension: Dimension) -> ColumnElement[Any]:
    if dimension is Dimension.TAG:
        return _CALL.c.tag_set_id
    name = COLUMNS[dimension]
    return next(table.c[name] for table in (_CALL, _CALLER, _TARGET) if name in table.c)


def _read(connection: Connection, rows: Sequence[Any], dimensions: tuple[Dimension, ...]) -> tuple[Mass, ...]:
    place = len(_ASKED) + dimensions.index(Dimension.TAG) if Dimension.TAG in dimensions else None
    tags = {} if place is None else _tags(connection, {row[place] for row in rows} - {None})
    found = list[Mass]()
    for group, model, provider, *values, era, cost, paid in rows:
        members = {
            dimension: tags.get(value, ()) if dimension is Dimension.TAG else (() if value is None else (value,))
            for dimension, value in zip(dimensions, values, strict=True)
        }
        found.append(Mass(members, group, model, provider, era, cost, paid))
    return tuple(found)


def _tags(connection: Connection, sets: set[int]) -> Mapping[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for number, tag in connection.execute(select(_TAG.c.tag_set_id, _TAG.c.tag).where(_TAG.c.tag_set_id.in_(sets))):
        found[number] = (*found.get(number, ()), tag)
    return found
