"""Hourly totals go, since sheets hold them; daily totals are found by their day, and take half of the space."""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

DIMENSIONS = ("organization_id", "team_id", "user_id", "model", "provider")
ADDED = (
    "requests",
    "failed_requests",
    "rejected_requests",
    "cached_requests",
    "unpriced_requests",
    "estimated_requests",
    "partial_requests",
    "unfinished_attempts",
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
    "estimated_cost_nano_usd",
    "partial_cost_nano_usd",
    "saved_cost_nano_usd",
)
KEPT = ("day", *DIMENSIONS, "team_alias", *ADDED, "cost_nano_usd")


def upgrade() -> None:
    """Drop the hourly totals, and key the daily ones by day and dimensions."""
    op.drop_table("usage_hourly")
    op.execute("DELETE FROM retention_mark WHERE kind = 'hourly'")
    if op.get_bind().dialect.name == "postgresql":
        _change_on_postgresql()
    else:
        _make_anew_on_sqlite()


def _change_on_postgresql() -> None:
    """Change the table in its place: others' views and rights on it stay."""
    content = f"CAST(ROW({', '.join(DIMENSIONS)}) AS text)"
    op.execute("CREATE TEMPORARY TABLE usage_keys_0007 (content text PRIMARY KEY, daily_key bytea) ON COMMIT DROP")
    rows = op.get_bind().execute(
        sa.text(f"SELECT DISTINCT {content}, {', '.join(DIMENSIONS)} FROM usage_daily")  # noqa: S608 - ours
    )
    keys = [{"content": content, "daily_key": daily_key(*dimensions)} for content, *dimensions in rows]
    if keys:
        op.get_bind().execute(sa.text("INSERT INTO usage_keys_0007 VALUES (:content, :daily_key)"), keys)
    op.add_column("usage_daily", sa.Column("daily_key", sa.LargeBinary()))
    op.execute(
        f"UPDATE usage_daily SET daily_key = its.daily_key FROM usage_keys_0007 AS its WHERE content = {content}"  # noqa: S608 - ours
    )
    op.drop_index("ix_usage_daily_day", "usage_daily")
    for column in ("rollup_key", "latency_ms_sum"):
        op.drop_column("usage_daily", column)
    op.alter_column("usage_daily", "daily_key", new_column_name="rollup_key", nullable=False)
    op.create_primary_key("usage_daily_pkey", "usage_daily", ["day", "rollup_key"])
    for column in ADDED:
        op.alter_column("usage_daily", column, server_default="0")


def _make_anew_on_sqlite() -> None:
    connection: Any = op.get_bind().connection.driver_connection
    connection.create_function("usage_daily_key", len(DIMENSIONS), daily_key, deterministic=True)
    kept = ", ".join(KEPT)
    op.execute(
        f"CREATE TABLE usage_daily_0006 AS SELECT {kept}, usage_daily_key({', '.join(DIMENSIONS)}) AS rollup_key"  # noqa: S608 - ours
        " FROM usage_daily"
    )
    op.drop_table("usage_daily")
    op.create_table(
        "usage_daily",
        sa.Column("day", sa.Date(), primary_key=True, nullable=False),
        sa.Column("rollup_key", sa.LargeBinary(), primary_key=True, nullable=False),
        *(sa.Column(name, sa.String(), nullable=True) for name in (*DIMENSIONS[:2], "team_alias", *DIMENSIONS[2:])),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in ADDED[:-3]),
        sa.Column("cost_nano_usd", sa.BigInteger(), nullable=True),
        sa.Column("cost_usd", sa.Numeric(20, 9), sa.Computed("cost_nano_usd / 1000000000.0", persisted=False)),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in ADDED[-3:]),
        sqlite_with_rowid=False,
    )
    columns = f"{kept}, rollup_key"
    op.execute(
        f"INSERT INTO usage_daily ({columns}) SELECT {columns} FROM usage_daily_0006 ORDER BY day, rollup_key"  # noqa: S608 - ours
    )
    op.drop_table("usage_daily_0006")


def daily_key(*dimensions: str | None) -> bytes:
    """Hash dimensions to a fixed length; one that is not set differs from an empty one."""
    parts = (f"{name}={value!r}" for name, value in zip(DIMENSIONS, dimensions, strict=True))
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).digest()
