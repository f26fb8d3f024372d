"""Calls, their tags, price snapshots, and hourly and daily totals."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.String(32)
BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)

TOKENS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "input_uncached_tokens",
    "input_cache_read_tokens",
    "input_cache_write_5m_tokens",
    "input_cache_write_1h_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "output_text_tokens",
    "output_reasoning_tokens",
    "output_audio_tokens",
    "output_image_tokens",
)
COUNTS = (
    "requests",
    "failed_requests",
    "rejected_requests",
    "cached_requests",
    "unpriced_requests",
    "estimated_requests",
    "partial_requests",
    "unfinished_attempts",
)


def needed(name: str, kind: Any = sa.String) -> sa.Column[Any]:
    """Declare a column that always has a value."""
    return sa.Column(name, kind() if isinstance(kind, type) else kind, nullable=False)


def optional(*names: str, kind: Any = sa.String) -> list[sa.Column[Any]]:
    """Declare columns that may be unknown."""
    return [sa.Column(name, kind(), nullable=True) for name in names]


def dollars(stem: str) -> sa.Column[Any]:
    """Declare the generated dollars of a nano-dollar column."""
    formula = sa.Computed(f"{stem}_nano_usd / 1000000000.0", persisted=True)
    return sa.Column(f"{stem}_usd", sa.Numeric(20, 9), formula, nullable=True)


def upgrade() -> None:
    """Create the tables."""
    _create_usage_record()
    _create_price_snapshot()
    op.create_table(
        "usage_record_tag",
        sa.Column("event_key", KEY, primary_key=True, nullable=False),
        sa.Column("tag", sa.String(), primary_key=True, nullable=False),
    )
    dimensions = ("organization_id", "team_id", "team_alias", "user_id", "model", "provider")
    _create_rollup("usage_daily", needed("day", sa.Date), optional(*dimensions))
    more = optional("api_key_hash", "api_key_alias")
    _create_rollup("usage_hourly", needed("hour", MOMENT), [*optional(*dimensions), *more, needed("status")])


def _create_usage_record() -> None:
    op.create_table(
        "usage_record",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True, nullable=False),
        sa.Column("event_key", KEY, nullable=False, unique=True),
        *optional("litellm_call_id", "trace_id", "session_id"),
        *(needed(name, MOMENT) for name in ("received_at", "started_at", "completed_at", "created_at")),
        needed("latency_ms", sa.Float),
        *optional("ttft_ms", "queue_ms", kind=sa.Float),
        needed("call_type"),
        *optional("route"),
        needed("stream", sa.Boolean),
        *optional("provider", "model", "model_group", "requested_model", "deployment_id", "service_tier"),
        *(needed(name, sa.Integer) for name in ("attempts", "fallbacks")),
        needed("is_terminal", sa.Boolean),
        *optional("organization_id", "team_id", "team_alias", "user_id", "api_key_hash", "api_key_alias"),
        *optional("project_id", "end_user_id", "feature", "environment", "user_agent", "client_ip"),
        needed("status"),
        needed("cache_hit", sa.Boolean),
        *optional("error_class", "error_code", "rate_limit_type"),
        needed("tokens_source"),
        *optional(*TOKENS, "input_characters", kind=sa.BigInteger),
        *optional("input_audio_seconds", kind=sa.Float),
        *optional("output_images", "search_units", "cost_nano_usd", kind=sa.BigInteger),
        dollars("cost"),
        needed("cost_confidence"),
        *optional("unpriced_reason"),
        *optional("saved_cost_nano_usd", kind=sa.BigInteger),
        dollars("saved_cost"),
        needed("adjustment_nano_usd", sa.BigInteger),
        sa.Column("price_key", KEY, nullable=True),
    )
    op.create_index("ix_usage_record_completed_at", "usage_record", ["completed_at"])
    op.create_index("ix_usage_record_litellm_call_id", "usage_record", ["litellm_call_id"])


def _create_price_snapshot() -> None:
    op.create_table(
        "price_snapshot",
        sa.Column("price_key", KEY, primary_key=True, nullable=False),
        *(needed(name) for name in ("provider", "model", "source", "litellm_version")),
        needed("prices_usd", sa.Text),
        needed("first_used_at", MOMENT),
    )


def _create_rollup(name: str, bucket: sa.Column[Any], dimensions: list[sa.Column[Any]]) -> None:
    op.create_table(
        name,
        sa.Column("rollup_key", KEY, primary_key=True, nullable=False),
        bucket,
        *dimensions,
        *(needed(column, sa.BigInteger) for column in (*COUNTS, *TOKENS)),
        needed("latency_ms_sum", sa.Float),
        *optional("cost_nano_usd", kind=sa.BigInteger),
        dollars("cost"),
        *(needed(f"{kind}_cost_nano_usd", sa.BigInteger) for kind in ("estimated", "partial", "saved")),
    )
    op.create_index(f"ix_{name}_{bucket.name}", name, [bucket.name])
