"""The tables, declared once: every call, its tags, its prices, and the totals.

Money is an integer of billionths (``..._nano_usd``); beside it the views show dollars (``..._usd``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    LargeBinary,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

from usage_plugin.clock import utc_now
from usage_plugin.store.analysis_tables import ANALYSIS_TABLES
from usage_plugin.store.calls import CALL_TABLES
from usage_plugin.store.column_types import Address, BigIntKey, CompactText, HexKey, Moment, UtcDateTime

KEY_LENGTH = 32
BESIDE = "is_beside"
"""Marks a column of what is kept once that is no part of its key."""
_VIEW = {"info": {"is_view": True}}


def _dollars() -> Any:
    """Declare dollars to a billionth that a view works out."""
    return Field(default=None, sa_type=Numeric(20, 9), nullable=True)


def _big(*, nullable: bool = False) -> Any:
    return Field(default=None if nullable else 0, sa_type=BigInteger, nullable=nullable)


def _total() -> Any:
    # A transaction names only the totals that it adds to.
    return Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


def _moment(**options: Any) -> Any:
    return Field(sa_type=UtcDateTime, **options)


class UsageRecord(SQLModel, table=True):
    """One row per request that reached the proxy, plus one per billed attempt that did not finish it.

    A view to read from, over the parts that `calls` declares: ``usage_record`` with keys and moments as they are kept,
    so that conditions on them find the indexes.
    """

    __tablename__ = "usage_record_raw"
    __table_args__ = (_VIEW,)

    id: int | None = Field(default=None, sa_column=Column(BigIntKey, primary_key=True, autoincrement=True))
    event_key: str = Field(sa_type=HexKey)
    litellm_call_id: str | None = Field(default=None, sa_type=CompactText)
    trace_id: str | None = Field(default=None, sa_type=CompactText)
    session_id: str | None = Field(default=None, sa_type=CompactText)

    received_at: dt.datetime = Field(sa_type=Moment)
    started_at: dt.datetime = Field(sa_type=Moment)
    completed_at: dt.datetime = Field(sa_type=Moment)
    created_at: dt.datetime = Field(default_factory=utc_now, sa_type=Moment)
    latency_ms: float | None = Field(sa_type=Float)
    ttft_ms: float | None = None
    queue_ms: float | None = None

    call_type: str
    route: str | None = None
    stream: bool = False
    provider: str | None = None
    model: str | None = None
    model_group: str | None = None
    requested_model: str | None = None
    deployment_id: str | None = None
    service_tier: str | None = None
    attempts: int = 1
    fallbacks: int = 0
    is_terminal: bool = True
    calls: int = Field(default=1, sa_type=BigInteger)

    organization_id: str | None = None
    team_id: str | None = None
    team_alias: str | None = None
    user_id: str | None = None
    api_key_hash: str | None = None
    api_key_alias: str | None = None
    project_id: str | None = None
    end_user_id: str | None = None
    feature: str | None = None
    environment: str | None = None
    user_agent: str | None = None
    client_ip: str | None = Field(default=None, sa_type=Address)

    status: str
    cache_hit: bool = False
    error_class: str | None = None
    error_code: str | None = None
    rate_limit_type: str | None = None

    tokens_source: str
    prompt_tokens: int | None = _big(nullable=True)
    completion_tokens: int | None = _big(nullable=True)
    total_tokens: int | None = _big(nullable=True)
    input_uncached_tokens: int | None = _big(nullable=True)
    input_cache_read_tokens: int | None = _big(nullable=True)
    input_cache_write_5m_tokens: int | None = _big(nullable=True)
    input_cache_write_1h_tokens: int | None = _big(nullable=True)
    input_audio_tokens: int | None = _big(nullable=True)
    input_image_tokens: int | None = _big(nullable=True)
    output_text_tokens: int | None = _big(nullable=True)
    output_reasoning_tokens: int | None = _big(nullable=True)
    output_audio_tokens: int | None = _big(nullable=True)
    output_image_tokens: int | None = _big(nullable=True)
    input_characters: int | None = _big(nullable=True)
    input_audio_seconds: float | None = None
    output_images: int | None = _big(nullable=True)
    search_units: int | None = _big(nullable=True)

    cost_nano_usd: int | None = _big(nullable=True)
    cost_usd: Decimal | None = _dollars()
    cost_confidence: str
    unpriced_reason: str | None = None
    saved_cost_nano_usd: int | None = _big(nullable=True)
    saved_cost_usd: Decimal | None = _dollars()
    adjustment_nano_usd: int = _big()
    price_key: str | None = Field(default=None, sa_type=String(KEY_LENGTH))


class UsageRecordTag(SQLModel, table=True):
    """A tag of a call: a view to read from."""

    __tablename__ = "usage_record_tag_raw"
    __table_args__ = (_VIEW,)

    event_key: str = Field(sa_type=HexKey, primary_key=True)
    tag: str = Field(primary_key=True)


class PriceSnapshotRow(SQLModel, table=True):
    """A distinct set of unit prices that priced at least one call; never changed afterwards."""

    __tablename__ = "price_snapshot"

    price_key: str = Field(sa_type=String(KEY_LENGTH), primary_key=True)
    provider: str
    model: str
    source: str
    litellm_version: str
    prices_usd: str = Field(sa_type=Text)
    first_used_at: dt.datetime = _moment()


class Totals(SQLModel):
    """What is added up."""

    requests: int = _total()
    failed_requests: int = _total()
    rejected_requests: int = _total()
    cached_requests: int = _total()
    unpriced_requests: int = _total()
    estimated_requests: int = _total()
    partial_requests: int = _total()
    unfinished_attempts: int = _total()
    prompt_tokens: int = _total()
    completion_tokens: int = _total()
    total_tokens: int = _total()
    input_uncached_tokens: int = _total()
    input_cache_read_tokens: int = _total()
    input_cache_write_5m_tokens: int = _total()
    input_cache_write_1h_tokens: int = _total()
    input_audio_tokens: int = _total()
    input_image_tokens: int = _total()
    output_text_tokens: int = _total()
    output_reasoning_tokens: int = _total()
    output_audio_tokens: int = _total()
    output_image_tokens: int = _total()
    cost_nano_usd: int | None = _big(nullable=True)
    estimated_cost_nano_usd: int = _total()
    partial_cost_nano_usd: int = _total()
    saved_cost_nano_usd: int = _total()


class UsagePayer(SQLModel, table=True):
    """Whose usage a day's totals are: each combination that occurred, once."""

    __tablename__ = "usage_payer"

    id: int | None = Field(default=None, sa_column=Column(BigIntKey, primary_key=True, autoincrement=True))
    content_key: bytes = Field(sa_type=LargeBinary, unique=True)
    organization_id: str | None = None
    team_id: str | None = None
    user_id: str | None = None
    # A name that follows an id: the last one known is kept, and the combination is the same under any.
    team_alias: str | None = Field(default=None, sa_column_kwargs={"info": {BESIDE: True}})


class UsageModel(SQLModel, table=True):
    """What a day's totals are of: each model of a provider that occurred, once."""

    __tablename__ = "usage_model"

    id: int | None = Field(default=None, sa_column=Column(BigIntKey, primary_key=True, autoincrement=True))
    content_key: bytes = Field(sa_type=LargeBinary, unique=True)
    model: str | None = None
    provider: str | None = None


class UsageDay(Totals, table=True):
    """Totals of a UTC day, kept as calls arrive. One row per day, payer and model."""

    __tablename__ = "usage_day"
    __table_args__ = ({"sqlite_with_rowid": False},)

    day: dt.date = Field(primary_key=True)
    payer_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    model_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})


class UsageDaily(Totals, table=True):
    """Totals of a UTC day with the names of what they are of: a view to read from."""

    __tablename__ = "usage_daily"
    __table_args__ = (_VIEW,)

    day: dt.date = Field(primary_key=True)
    rollup_key: bytes = Field(sa_type=LargeBinary, primary_key=True)
    organization_id: str | None = None
    team_id: str | None = None
    team_alias: str | None = None
    user_id: str | None = None
    model: str | None = None
    provider: str | None = None
    cost_usd: Decimal | None = _dollars()


class SpoolPosition(SQLModel, table=True):
    """How far a process's spool is stored: written in the transaction of the calls themselves."""

    __tablename__ = "spool_position"

    owner: str = Field(primary_key=True)
    segment: int = _big()
    byte_offset: int = _big()
    updated_at: dt.datetime = _moment()


class PipelineProcess(SQLModel, table=True):
    """A recording process's last account of itself: what became of the calls that it saw since its start."""

    __tablename__ = "pipeline_process"

    process_id: str = Field(primary_key=True)
    role: str
    host: str
    pid: int
    version: str
    started_at: dt.datetime = _moment()
    beat_at: dt.datetime = _moment()
    stopped_at: dt.datetime | None = _moment(default=None, nullable=True)
    seen: int = _big()
    spooled: int = _big()
    stored: int = _big()
    folded: int = _big()
    adopted: int = _big()
    set_aside: int = _big()
    lost: int = _big()
    waiting: int = _big()
    spool_bytes: int = _big()
    oldest_waiting_at: dt.datetime | None = _moment(default=None, nullable=True)
    last_stored_at: dt.datetime | None = _moment(default=None, nullable=True)
    last_error: str | None = None
    last_error_at: dt.datetime | None = _moment(default=None, nullable=True)


class RetentionMark(SQLModel, table=True):
    """Up to when rows of a kind were pruned: before it there may be rows still, but not all."""

    __tablename__ = "retention_mark"

    kind: str = Field(primary_key=True)
    pruned_before: dt.datetime = _moment()


class UsageTouch(SQLModel, table=True):
    """How often a process changed calls of a UTC hour, counted in the transactions that did."""

    __tablename__ = "usage_touch"
    __table_args__ = ({"sqlite_with_rowid": False},)

    utc_hour: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    writer: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    changes: int = _big()


class UsageSegment(SQLModel, table=True):
    """A stretch of time that was added up into sheets, and what had been written to its hours by then."""

    __tablename__ = "usage_segment"

    level: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    start_quarter: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    end_quarter: int
    changes: int = _big()
    calls: int = _big()
    parts: int = 1
    frozen_id: int | None = _big(nullable=True)
    built_at: dt.datetime = _moment(default_factory=utc_now)


class UsageSheet(SQLModel, table=True):
    """The totals of a segment's calls that have a value in a dimension, as columns."""

    __tablename__ = "usage_sheet"
    __table_args__ = (
        Index("ux_usage_sheet_wanted", "dimension", "value", "section", "level", "start_quarter", unique=True),
        Index("ix_usage_sheet_start_quarter", "start_quarter"),
    )

    # Not keyed by what is asked for: SQLite keeps little of a blob beside such a key, and takes a page for the rest.
    id: int | None = Field(default=None, sa_column=Column(BigIntKey, primary_key=True, autoincrement=True))
    dimension: int
    value: int = Field(sa_type=BigInteger)
    section: int
    level: int
    start_quarter: int
    content: bytes = Field(sa_type=LargeBinary)


class UsageValue(SQLModel, table=True):
    """A value of a dimension, by number in the sheets, and the name that people know it by."""

    __tablename__ = "usage_value"
    __table_args__ = (UniqueConstraint("dimension", "value"),)

    id: int | None = Field(default=None, sa_column=Column(BigIntKey, primary_key=True, autoincrement=True))
    dimension: int
    value: str
    label: str | None = None


VIEWS: Mapping[str, type[SQLModel]] = {
    "usage_record": UsageRecord,
    "usage_record_tag": UsageRecordTag,
    "usage_daily": UsageDaily,
}
"""By the name under which everybody reads them."""

TABLES = (
    *CALL_TABLES,
    PriceSnapshotRow,
    UsagePayer,
    UsageModel,
    UsageDay,
    SpoolPosition,
    PipelineProcess,
    RetentionMark,
    UsageTouch,
    UsageSegment,
    UsageSheet,
    UsageValue,
    *ANALYSIS_TABLES,
)


def table_of(model: type[SQLModel]) -> Table:
    """Give the SQLAlchemy table behind a model, typed."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table
