"""Days to keep in, the moments before which rows go out, and the marks that say up to when they went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from usage_plugin.store.tables import RetentionMark, table_of

FOR_EVER = 0
KEPT_BY_THE_HOUR = "USAGE_RETAIN_SHEETS_DAYS says how long totals by the hour are kept"
# No call is older; a day off the first one, so that every time zone can show it.
BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)


class Kind(StrEnum):
    """What is kept for so long."""

    RECORDS = "records"
    SHEETS = "sheets"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class Retention:
    """Days for which each kind is kept; 0 is for ever. Totals are kept at least as long as what they sum up."""

    records_days: int
    sheets_days: int
    daily_days: int

    def cutoffs(self, now: datetime) -> dict[Kind, datetime]:
        """Give the UTC day before which each kind goes."""
        records = _before(now, self.records_days)
        sheets = min(records, _before(now, self.sheets_days))
        daily = min(sheets, _before(now, self.daily_days))
        return {Kind.RECORDS: floor_day(records), Kind.SHEETS: floor_day(sheets), Kind.DAILY: floor_day(daily)}


def floor_day(moment: datetime) -> datetime:
    """Give the start of the UTC day."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def pruned_before(connection: Connection) -> Mapping[Kind, datetime]:
    """Say up to when rows of each kind were deleted: from that moment on they are complete."""
    marks = table_of(RetentionMark)
    found = {row.kind: row.pruned_before for row in connection.execute(select(marks))}
    return {kind: found.get(kind.value, BEGINNING) for kind in Kind}


def move_retention_mark(connection: Connection, kind: Kind, before: datetime) -> None:
    """Note in the transaction that deletes rows that those from before a moment are no longer complete."""
    marks = table_of(RetentionMark)
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(marks).values(kind=kind.value, pruned_before=before)
    is_later = insert.excluded.pruned_before > marks.c.pruned_before
    connection.execute(
        insert.on_conflict_do_update(index_elements=["kind"], set_={"pruned_before": before}, where=is_later)
    )


def _before(now: datetime, days: int) -> datetime:
    return BEGINNING if days == FOR_EVER else max(BEGINNING, now - days * DAY)
