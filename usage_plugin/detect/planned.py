"""Planned events in, which points nobody is to learn from, and which anomalies were to be expected, out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from usage_plugin.detect.series import TOTAL, Scope, Series
from usage_plugin.detect.table import FloatArray, Table
from usage_plugin.store.analysis_tables import PlannedEvent


def concerns(event: PlannedEvent, scope: Scope) -> bool:
    """Say whether an event is about all of a scope's calls."""
    if event.dimension == TOTAL:
        return True
    return any(name.value == event.dimension and member == event.member for name, member in scope.choices.items())


def scope_of(event: PlannedEvent) -> Scope:
    """Give whose event it is."""
    return Scope() if event.dimension == TOTAL else Scope(event.dimension, event.member)


def during(event: PlannedEvent, start: datetime, end: datetime) -> bool:
    """Say whether an event and a time have a moment in common."""
    return event.starts_at < end and event.ends_at > start


def taught(
    values: FloatArray, series: Sequence[Series], table: Table, events: Iterable[PlannedEvent]
) -> FloatArray | None:
    """Leave out what is planned: it is scored, and not learnt from.

    Args:
        values: Shape ``(series, buckets)``.
        series: In that order.
        table: Whose buckets they are.
        events: Of any time.

    Returns:
        The values with NaN in the place of planned points; ``None`` where no event concerns any.
    """
    lessons: FloatArray | None = None
    length = table.granularity.length
    for event in events:
        mine = [at for at, bucket in enumerate(table.buckets) if during(event, bucket, bucket + length)]
        rows = [at for at, each in enumerate(series) if concerns(event, each.scope)] if mine else []
        if rows:
            lessons = values.copy() if lessons is None else lessons
            lessons[np.ix_(rows, mine)] = np.nan
    return lessons
