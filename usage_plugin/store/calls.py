"""The tables behind ``usage_record``, declared once: a narrow row per call, and what many calls share.

A call names its caller, its target, its outcome and its tags by number. What only it has stays in its row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Index, LargeBinary, Table, and_, literal_column, text
from sqlmodel import Field, SQLModel

from usage_plugin.store.column_types import (
    END_BYTES,
    Address,
    BigIntKey,
    CompactEnd,
    CompactText,
    HexKey,
    Milliseconds,
    Moment,
)

CALL_ID_END = (
    f"CASE typeof(litellm_call_id) WHEN 'blob' THEN substr(litellm_call_id, -{END_BYTES}) ELSE litellm_call_id END"
)
"""What SQLite has in an index: an end of 4 bytes takes half of the space that a UUID takes."""


def _number(*, nullable: bool = False) -> Any:
    return Field(default=None if nullable else 0, sa_type=BigInteger, nullable=nullable)


def _own_id() -> Any:
    return Field(default=None, sa_column=Column(BigIntKey, primary_key=True, autoincrement=True))


def _content_key() -> Any:
    return Field(sa_type=LargeBinary, unique=True)


def _kept_as(kind: Any) -> Any:
    return Field(default=None, sa_type=kind, nullable=True)


def has_call_id(calls: Table, ids: Sequence[str], dialect: str) -> ColumnElement[bool]:
    """Say which calls have one of LiteLLM's ids, so that the index is used.

    Args:
        calls: The calls, or the view of them as they are kept.
        ids: As LiteLLM gives them.
        dialect: Of the database.
    """
    whole = calls.c.litellm_call_id.in_(ids)
    return and_(literal_column(CALL_ID_END, CompactEnd()).in_(ids), whole) if dialect == "sqlite" else whole


class UsageCall(SQLModel, table=True):
    """What only this call has; moments are counted from one another, so that they are small numbers."""

    __tablename__ = "usage_call"
    __table_args__ = (
        Index("ux_usage_call_event_key", "event_key", unique=True),
        Index("ix_usage_call_litellm_call_id", "litellm_call_id").ddl_if(dialect="postgresql"),
        Index("ix_usage_call_call_id_end", text(CALL_ID_END)).ddl_if(dialect="sqlite"),
        Index("ix_usage_call_completed_at", "completed_at"),
    )

    id: int | None = _own_id()
    event_key: str = Field(sa_type=HexKey)
    completed_at: dt.datetime = Field(sa_type=Moment)
    caller_id: int = Field(sa_type=BigInteger)
    target_id: int = Field(sa_type=BigInteger)
    outcome_id: int = Field(sa_type=BigInteger)
    tag_set_id: int | None = _number(nullable=True)
    litellm_call_id: str | None = _kept_as(CompactText)
    trace_id: str | None = _kept_as(CompactText)
    session_id: str | None = _kept_as(CompactText)
    end_user_id: str | None = None
    client_ip: str | None = _kept_as(Address)
    received_before_us: int = _number()
    started_after_us: int = _number()
    created_after_us: int = _number()
    latency_ms: float | None = _kept_as(Milliseconds)
    ttft_ms: float | None = _kept_as(Milliseconds)
    queue_ms: float | None = _kept_as(Milliseconds)
    attempts: int = 1
    fallbacks: int = 0
    calls: int = Field(default=1, sa_type=BigInteger)
    prompt_tokens: int | None = _number(nullable=True)
    completion_tokens: int | None = _number(nullable=True)
    total_tokens: int | None = _number(nullable=True)
    input_uncached_tokens: int | None = _number(nullable=True)
    input_cache_read_tokens: int | None = _number(nullable=True)
    input_cache_write_5m_tokens: int | None = _number(nullable=True)
    input_cache_write_1h_tokens: int | None = _number(nullable=True)
    input_audio_tokens: int | None = _number(nullable=True)
    input_image_tokens: int | None = _number(nullable=True)
    output_text_tokens: int | None = _number(nullable=True)
    output_reasoning_tokens: int | None = _number(nullable=True)
    output_audio_tokens: int | None = _number(nullable=True)
    output_image_tokens: int | None = _number(nullable=True)
    input_characters: int | None = _number(nullable=True)
    input_audio_seconds: float | None = None
    output_images: int | None = _number(nullable=True)
    search_units: int | None = _number(nullable=True)
    cost_nano_usd: int | None = _number(nullable=True)
    saved_cost_nano_usd: int | None = _number(nullable=True)
    adjustment_nano_usd: int = _number()


class UsageCaller(SQLModel, table=True):
    """Who makes calls: each combination that occurred, once."""

    __tablename__ = "usage_caller"

    id: int | None = _own_id()
    content_key: bytes = _content_key()
    organization_id: str | None = None
    team_id: str | None = None
    team_alias: str | None = None
    user_id: str | None = None
    api_key_hash: str | None = None
    api_key_alias: str | None = None
    project_id: str | None = None
    feature: str | None = None
    environment: str | None = None
    user_agent: str | None = None


class UsageTarget(SQLModel, table=True):
    """What is called: each combination that occurred, once."""

    __tablename__ = "usage_target"

    id: int | None = _own_id()
    content_key: bytes = _content_key()
    call_type: str
    route: str | None = None
    stream: bool = False
    provider: str | None = None
    model: str | None = None
    model_group: str | None = None
    requested_model: str | None = None
    deployment_id: str | None = None
    service_tier: str | None = None
    price_key: str | None = None


class UsageOutcome(SQLModel, table=True):
    """How calls end and how their cost is known: each combination that occurred, once."""

    __tablename__ = "usage_outcome"

    id: int | None = _own_id()
    content_key: bytes = _content_key()
    status: str
    is_terminal: bool = True
    cache_hit: bool = False
    error_class: str | None = None
    error_code: str | None = None
    rate_limit_type: str | None = None
    tokens_source: str
    cost_confidence: str
    unpriced_reason: str | None = None


class UsageTagSet(SQLModel, table=True):
    """The tags of a call: each combination that occurred, once."""

    __tablename__ = "usage_tag_set"

    id: int | None = _own_id()
    content_key: bytes = _content_key()


class UsageTag(SQLModel, table=True):
    """A tag of a combination."""

    __tablename__ = "usage_tag"
    __table_args__ = ({"sqlite_with_rowid": False},)

    tag_set_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    tag: str = Field(primary_key=True)


CALL_TABLES = (UsageCall, UsageCaller, UsageTarget, UsageOutcome, UsageTagSet, UsageTag)
