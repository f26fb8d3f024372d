"""A stretch of time in, what each caller spent in each minute of it out: read from the calls themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import Engine, Integer, and_, case, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import col

from usage_plugin.event import CostConfidence
from usage_plugin.store.calls import UsageCall, UsageCaller, UsageOutcome
from usage_plugin.store.read.sql import reading
from usage_plugin.store.sheets.codec import Integers

MINUTE_S: Final = 60
_ASKED_AT_ONCE: Final = 500


class minute_of(FunctionElement[int]):  # noqa: N801 - reads as an SQL function
    """``minute_of(moment)``: minutes since 1970, of a moment after it."""

    type = Integer()
    inherit_cache = True
    name = "minute_of"


@compiles(minute_of, "sqlite")
def _on_sqlite(element: minute_of, compiler: SQLCompiler, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} / {MINUTE_S * 1_000_000})"


@compiles(minute_of, "postgresql")
def _on_postgresql(element: minute_of, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(floor(extract(epoch FROM {compiler.process(element.clauses, **options)}) / {MINUTE_S}) AS INTEGER)"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes calls; keys and teams with the names that people know them by."""

    key: str | None
    key_label: str | None
    user: str | None
    team: str | None
    team_label: str | None


@dataclass(frozen=True, slots=True)
class MinuteSums:
    """Sums by minute and caller, as columns of one length; sorted by minute."""

    minute: Integers
    """Since 1970."""
    caller: Integers
    """By number, see `callers`."""
    cost_nano_usd: Integers
    """Known costs; calls without one count in ``unpriced``."""
    requests: Integers
    unpriced: Integers

    def __len__(self) -> int:
        return len(self.minute)


def minute_sums(engine: Engine, start: datetime, end: datetime) -> MinuteSums:
    """Add calls up by minute and caller, without asking any sheet: they know no minutes.

    Args:
        engine: Of a migrated database.
        start: Begin of the calls' ends.
        end: Not inside any more.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    moment, calls = col(UsageCall.completed_at), col(UsageCall.calls)
    unpriced = col(UsageOutcome.cost_confidence) == CostConfidence.UNPRICED.value
    columns: tuple[Any, ...] = (
        minute_of(moment).label("minute"),
        col(UsageCall.caller_id).label("caller"),
        func.coalesce(func.sum(col(UsageCall.cost_nano_usd)), 0).label("cost_nano_usd"),
        func.sum(case((col(UsageOutcome.is_terminal), calls), else_=0)).label("requests"),
        func.sum(case((and_(unpriced, col(UsageOutcome.is_terminal)), calls), else_=0)).label("unpriced"),
    )
    query = (
        select(*columns)
        .join(UsageOutcome, col(UsageOutcome.id) == col(UsageCall.outcome_id))
        .where(moment >= start, moment < end)
        .group_by(columns[0], columns[1])
        .order_by(columns[0])
    )
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    found = np.array([tuple(map(int, row)) for row in rows], np.int64).reshape(-1, len(columns))
    return MinuteSums(*found.T)


def callers(engine: Engine, numbers: Collection[int]) -> Mapping[int, Caller]:
    """Say who callers are, by number.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    columns = (
        col(UsageCaller.id),
        col(UsageCaller.api_key_hash),
        col(UsageCaller.api_key_alias),
        col(UsageCaller.user_id),
        col(UsageCaller.team_id),
        col(UsageCaller.team_alias),
    )
    wanted, found = sorted(numbers), dict[int, Caller]()
    with reading(engine) as connection:
        for first in range(0, len(wanted), _ASKED_AT_ONCE):
            some = select(*columns).where(col(UsageCaller.id).in_(wanted[first : first + _ASKED_AT_ONCE]))
            for number, *who in connection.execute(some):
                found[number or 0] = Caller(*who)
    return found
