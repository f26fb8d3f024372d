"""The tables of what is made of the calls: anomalies, forecasts, budgets, rules, alerts, and the runs of jobs.

Money is an integer of billionths (``..._nano_usd``), as in `tables`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Text
from sqlmodel import Field, SQLModel

from usage_plugin.store.column_types import BigIntKey, UtcDateTime

KEY_LENGTH = 32


def _number() -> Any:
    return Field(default=None, sa_column=Column(BigIntKey, primary_key=True, autoincrement=True))


def _key(**options: Any) -> Any:
    return Field(sa_type=String(KEY_LENGTH), **options)


def _big(**options: Any) -> Any:
    return Field(sa_type=BigInteger, **options)


def _moment(**options: Any) -> Any:
    return Field(sa_type=UtcDateTime, **options)


def _maybe(sa_type: Any) -> Any:
    return Field(default=None, sa_type=sa_type, nullable=True)


class AnomalyRow(SQLModel, table=True):
    """Something that was not expected of a series, from its start to its end, and why."""

    __tablename__ = "anomaly"
    __table_args__ = (
        Index("ix_anomaly_series_key", "series_key"),
        Index("ix_anomaly_started_at", "started_at"),
    )

    id: int | None = _number()
    anomaly_key: str = _key(unique=True)
    series_key: str = _key()
    metric: str
    granularity: str
    dimension: str
    member: str | None = None
    label: str | None = None
    second_dimension: str | None = None
    second_member: str | None = None
    kind: str
    started_at: dt.datetime = _moment()
    peak_at: dt.datetime = _moment()
    ended_at: dt.datetime = _moment()
    is_over: bool
    expected: float
    actual: float
    peak_actual: float
    z: float
    severity: float
    at_stake_nano_usd: int | None = _maybe(BigInteger)
    headline: str
    explanation: str = Field(sa_type=Text)
    state: str
    state_by: str | None = None
    state_at: dt.datetime | None = _maybe(UtcDateTime)
    note: str | None = None
    merged_into_id: int | None = _maybe(BigInteger)
    planned_event_id: int | None = _maybe(BigInteger)
    found_at: dt.datetime = _moment()
    told_at: dt.datetime | None = _maybe(UtcDateTime)
    updated_at: dt.datetime = _moment()


class AnomalyNote(SQLModel, table=True):
    """What somebody said of an anomaly: states are kept with their history."""

    __tablename__ = "anomaly_note"
    __table_args__ = (Index("ix_anomaly_note_anomaly_id", "anomaly_id"),)

    id: int | None = _number()
    anomaly_id: int = _big()
    state: str
    said_by: str | None = None
    said_at: dt.datetime = _moment()
    note: str | None = None


class SeriesTuning(SQLModel, table=True):
    """What people's answers to its anomalies taught about a series."""

    __tablename__ = "series_tuning"

    series_key: str = _key(primary_key=True)
    least_nano_usd: int | None = _maybe(BigInteger)
    bar_high: float | None = None
    bar_low: float | None = None
    bars_until: dt.datetime | None = _maybe(UtcDateTime)
    updated_at: dt.datetime = _moment()


class SeriesState(SQLModel, table=True):
    """What a detector remembers of many series, as one block of numbers."""

    __tablename__ = "series_state"

    profile: str = Field(primary_key=True)
    granularity: str = Field(primary_key=True)
    part: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    stepped_to: dt.datetime = _moment()
    series: bytes = Field(sa_type=LargeBinary)
    content: bytes = Field(sa_type=LargeBinary)
    updated_at: dt.datetime = _moment()


class KnownUse(SQLModel, table=True):
    """What a key has used: what is not here is new to it."""

    __tablename__ = "known_use"

    api_key_hash: str = Field(primary_key=True)
    attribute: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    first_used_at: dt.datetime = _moment()
    last_used_at: dt.datetime = _moment()
    calls: int = _big()


class PlannedEvent(SQLModel, table=True):
    """Something that is going to change usage, and is no anomaly: a launch, a migration, a load test."""

    __tablename__ = "planned_event"

    id: int | None = _number()
    name: str
    starts_at: dt.datetime = _moment()
    ends_at: dt.datetime = _moment()
    dimension: str
    member: str | None = None
    note: str | None = None
    created_by: str | None = None
    created_at: dt.datetime = _moment()


class ForecastRecord(SQLModel, table=True):
    """What was forecast of a period, and what it came to: how wrong forecasts are is shown beside them."""

    __tablename__ = "forecast_record"
    __table_args__ = (Index("ix_forecast_record_starts_on", "starts_on"),)

    id: int | None = _number()
    dimension: str
    member: str | None = None
    period: str
    starts_on: dt.date
    made_on: dt.date
    made_at: dt.datetime = _moment()
    model: str
    spent_nano_usd: int = _big()
    expected_nano_usd: int = _big()
    low_80_nano_usd: int = _big()
    high_80_nano_usd: int = _big()
    low_95_nano_usd: int = _big()
    high_95_nano_usd: int = _big()
    actual_nano_usd: int | None = _maybe(BigInteger)


class BudgetRow(SQLModel, table=True):
    """What somebody may spend in a period, and what happens beyond it."""

    __tablename__ = "budget"

    id: int | None = _number()
    name: str = Field(unique=True)
    dimension: str
    member: str | None = None
    parent_id: int | None = _maybe(BigInteger)
    amount_nano_usd: int = _big()
    period: str
    rolling_days: int | None = None
    thresholds: str
    action: str
    degrade_to: str | None = None
    owner: str | None = None
    is_enabled: bool
    created_by: str | None = None
    created_at: dt.datetime = _moment()
    updated_at: dt.datetime = _moment()


class AlertRule(SQLModel, table=True):
    """A condition besides the detector: a threshold, a burn rate, silence."""

    __tablename__ = "alert_rule"

    id: int | None = _number()
    name: str = Field(unique=True)
    kind: str
    metric: str
    dimension: str
    member: str | None = None
    settings: str = Field(sa_type=Text)
    severity: str
    owner: str | None = None
    is_enabled: bool
    created_by: str | None = None
    created_at: dt.datetime = _moment()
    updated_at: dt.datetime = _moment()


class AlertRow(SQLModel, table=True):
    """Something that people are told of, from its begin to its end: an anomaly, a rule, a budget."""

    __tablename__ = "alert"
    __table_args__ = (
        Index("ix_alert_alert_key", "alert_key"),
        Index("ix_alert_opened_at", "opened_at"),
    )

    id: int | None = _number()
    alert_key: str = _key()
    source: str
    source_id: int | None = _maybe(BigInteger)
    severity: str
    dimension: str
    member: str | None = None
    label: str | None = None
    owner: str | None = None
    title: str
    body: str = Field(sa_type=Text)
    details: str = Field(sa_type=Text)
    at_stake_nano_usd: int | None = _maybe(BigInteger)
    state: str
    state_by: str | None = None
    opened_at: dt.datetime = _moment()
    seen_at: dt.datetime = _moment()
    worse_at: dt.datetime | None = _maybe(UtcDateTime)
    told_at: dt.datetime | None = _maybe(UtcDateTime)
    told_severity: str | None = None
    untaken_at: dt.datetime | None = _maybe(UtcDateTime)
    resolved_at: dt.datetime | None = _maybe(UtcDateTime)


class AlertMessage(SQLModel, table=True):
    """A message to a channel, about one alert or several: waits here until it is delivered."""

    __tablename__ = "alert_message"
    __table_args__ = (Index("ix_alert_message_due_at", "due_at"),)

    id: int | None = _number()
    channel: str
    kind: str
    alert_ids: str
    title: str
    body: str = Field(sa_type=Text)
    payload: str = Field(sa_type=Text)
    made_at: dt.datetime = _moment()
    due_at: dt.datetime = _moment()
    attempts: int
    delivered_at: dt.datetime | None = _maybe(UtcDateTime)
    given_up_at: dt.datetime | None = _maybe(UtcDateTime)
    last_error: str | None = None


class JobRun(SQLModel, table=True):
    """A run of one of the worker's jobs, with how long it took and what became of it."""

    __tablename__ = "job_run"
    __table_args__ = (Index("ix_job_run_job_started_at", "job", "started_at"),)

    id: int | None = _number()
    job: str
    scheduled_at: dt.datetime = _moment()
    started_at: dt.datetime = _moment()
    ended_at: dt.datetime | None = _maybe(UtcDateTime)
    failing_since: dt.datetime | None = _maybe(UtcDateTime)
    duration_ms: float | None = None
    outcome: str
    said: str | None = None
    host: str
    pid: int


ANALYSIS_TABLES = (
    AnomalyRow,
    AnomalyNote,
    SeriesTuning,
    SeriesState,
    KnownUse,
    PlannedEvent,
    ForecastRecord,
    BudgetRow,
    AlertRule,
    AlertRow,
    AlertMessage,
    JobRun,
)
