"""Events in, rows and totals out, in one transaction: writing twice is writing once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlmodel import SQLModel

from usage_plugin.clock import utc_now
from usage_plugin.errors import StoreRefused
from usage_plugin.event import Attribution, Cost, Failure, Timing, TokenCounts, UnitCounts, UsageEvent
from usage_plugin.guard import describe
from usage_plugin.store.database import unavailable, writing
from usage_plugin.store.rollups import add_to_rollups
from usage_plugin.store.tables import PriceSnapshotRow, SpoolPosition, UsageRecord, UsageRecordTag, table_of

Row = dict[str, Any]
_NOT_STORED = {"timing", "status", "who", "failure", "tokens", "units", "cost", "replaces"}


def _names(kind: type, *without: str) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.name not in without)


CALL_FIELDS = _names(UsageEvent, *_NOT_STORED)
TIME_FIELDS = _names(Timing)
WHO_FIELDS = _names(Attribution, "tags")
FAILURE_FIELDS = _names(Failure)
TOKEN_COUNT_FIELDS = _names(TokenCounts, "source")
UNIT_COUNT_FIELDS = _names(UnitCounts)
COST_FIELDS = _names(Cost, "confidence", "price")


@dataclass(frozen=True, slots=True)
class SpoolMark:
    """How far a spool is stored when a transaction ends."""

    owner: str
    segment: int
    byte_offset: int


def write_events(engine: Engine, events: Sequence[UsageEvent], mark: SpoolMark | None = None) -> int:
    """Store events, their tags, prices and totals in one transaction.

    Args:
        engine: Of a migrated database.
        events: Any number, also such as are stored already.
        mark: The spool that the events came from is marked in the same transaction.

    Returns:
        How many were new.

    Raises:
        StoreUnavailable: Nothing was stored; the same events can be written again later.
        StoreRefused: Nothing was stored, and one of the events never will be.
    """
    by_key = {event.event_key: event for event in reversed(events)}
    try:
        with writing(engine).begin() as connection:
            new = _insert_records(connection, [by_key[key] for key in sorted(by_key)])
            _insert_tags(connection, new)
            _insert_prices(connection, new)
            add_to_rollups(connection, new)
            if mark is not None:
                _keep_mark(connection, mark)
    except (SQLAlchemyError, OverflowError) as error:
        if _is_about_values(error):
            raise StoreRefused(f"the database refuses a call: {describe(error)}") from error
        raise unavailable(engine.url, error) from error
    return len(new)


def stored_mark(engine: Engine, owner: str) -> SpoolMark:
    """Say how far a process's spool is stored.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    columns = table_of(SpoolPosition).c
    query = select(columns.segment, columns.byte_offset).where(columns.owner == owner)
    try:
        with engine.connect() as connection:
            found = connection.execute(query).first()
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None
    return SpoolMark(owner, *found) if found else SpoolMark(owner, 0, 0)


def forget_mark(engine: Engine, owner: str) -> None:
    """Drop the mark of a spool that is gone.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    position = table_of(SpoolPosition)
    try:
        with writing(engine).begin() as connection:
            connection.execute(position.delete().where(position.c.owner == owner))
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None


def _keep_mark(connection: Connection, mark: SpoolMark) -> None:
    values = {"segment": mark.segment, "byte_offset": mark.byte_offset, "updated_at": utc_now()}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(table_of(SpoolPosition)).values(owner=mark.owner, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=["owner"], set_=values))


def _is_about_values(error: Exception) -> bool:
    """Tell values that no database will take from a database that is away; before the driver, all errors are such."""
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | IntegrityError)
    return isinstance(error, StatementError | OverflowError)


def record_values(event: UsageEvent, created_at: datetime) -> Row:
    """Flatten an event into the columns of ``usage_record``."""
    row: Row = {name: getattr(event, name) for name in CALL_FIELDS}
    for part, names in (
        (event.timing, TIME_FIELDS),
        (event.who, WHO_FIELDS),
        (event.failure, FAILURE_FIELDS),
        (event.tokens, TOKEN_COUNT_FIELDS),
        (event.units, UNIT_COUNT_FIELDS),
        (event.cost, COST_FIELDS),
    ):
        row.update((name, getattr(part, name)) for name in names)
    row["created_at"] = created_at
    row["status"] = event.status.value
    row["tokens_source"] = event.tokens.source.value
    row["cost_confidence"] = event.cost.confidence.value
    row["price_key"] = event.cost.price.price_key if event.cost.price else None
    return row


def _insert_records(connection: Connection, events: list[UsageEvent]) -> list[UsageEvent]:
    """Insert what is not there yet, and say which that was: the database decides, so two writers cannot both count."""
    if not events:
        return []
    now = utc_now()
    insert = _insert_new(connection, UsageRecord, "event_key").returning(table_of(UsageRecord).c.event_key)
    inserted = set(connection.execute(insert, [record_values(event, now) for event in events]).scalars())
    return [event for event in events if event.event_key in inserted]


def _insert_tags(connection: Connection, events: Iterable[UsageEvent]) -> None:
    rows = [{"event_key": event.event_key, "tag": tag} for event in events for tag in dict.fromkeys(event.who.tags)]
    if rows:
        connection.execute(_insert_new(connection, UsageRecordTag, "event_key", "tag"), rows)


def _insert_prices(connection: Connection, events: Iterable[UsageEvent]) -> None:
    rows: dict[str, Row] = {}
    for event in events:
        price, used_at = event.cost.price, event.timing.completed_at
        if price is not None and (price.price_key not in rows or used_at < rows[price.price_key]["first_used_at"]):
            rows[price.price_key] = {
                "price_key": price.price_key,
                "provider": price.provider,
                "model": price.model,
                "source": price.source,
                "litellm_version": price.litellm_version,
                "prices_usd": json.dumps(dict(price.prices_usd)),
                "first_used_at": used_at,
            }
    if rows:
        insert = _insert_new(connection, PriceSnapshotRow, "price_key")
        connection.execute(insert, [rows[key] for key in sorted(rows)])


def _insert_new(connection: Connection, table: type[SQLModel], *key: str) -> Any:
    target = table_of(table)
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(target).on_conflict_do_nothing(index_elements=list(key))
