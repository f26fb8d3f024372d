"""What days share moves out of their rows; ``usage_daily`` becomes a view over the parts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PAYER = ("organization_id", "team_id", "user_id")
MODEL = ("model", "provider")
SHARED = {"payer": PAYER, "model": MODEL}
BEFORE_COST = (
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
)
AFTER_COST = ("estimated_cost_nano_usd", "partial_cost_nano_usd", "saved_cost_nano_usd")
TOTALS = (*BEFORE_COST, "cost_nano_usd", *AFTER_COST)
OLD = "usage_daily_0008"
READERS = """
SELECT DISTINCT quote_ident(grantee) FROM information_schema.role_table_grants
WHERE table_name = 'usage_daily_0008' AND table_schema = current_schema() AND privilege_type = 'SELECT'
AND grantee NOT IN (current_user, 'PUBLIC')
"""


def upgrade() -> None:
    """Create the tables, move what is there into them, and put a view in the place of the old table."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    op.rename_table("usage_daily", OLD)
    _create()
    if not is_postgresql:
        connection: Any = op.get_bind().connection.driver_connection
        connection.create_function("usage_content", -1, content_key, deterministic=True)
    _move(is_postgresql=is_postgresql)
    op.execute(f"CREATE VIEW usage_daily AS {_days(is_postgresql=is_postgresql)}")
    if is_postgresql:
        for (role,) in op.get_bind().execute(sa.text(READERS)).all():
            op.execute(f"GRANT SELECT ON usage_daily, usage_day, usage_payer, usage_model TO {role}")
    op.drop_table(OLD)


def _create() -> None:
    for name, columns in (("payer", (*PAYER, "team_alias")), ("model", MODEL)):
        op.create_table(
            f"usage_{name}",
            sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True, nullable=False),
            sa.Column("content_key", sa.LargeBinary(), nullable=False, unique=True),
            *(sa.Column(column, sa.String(), nullable=True) for column in columns),
        )
    op.create_table(
        "usage_day",
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in BEFORE_COST),
        sa.Column("cost_nano_usd", sa.BigInteger(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in AFTER_COST),
        sa.Column("day", sa.Date(), primary_key=True, nullable=False),
        *(
            sa.Column(f"{name}_id", sa.BigInteger(), primary_key=True, autoincrement=False, nullable=False)
            for name in SHARED
        ),
        sqlite_with_rowid=False,
    )


def _move(*, is_postgresql: bool) -> None:
    """Copy what days share, with the last name of each team, and then the totals."""
    hashed = _content_on_postgresql if is_postgresql else _content_on_sqlite
    payer, model = ", ".join(PAYER), ", ".join(MODEL)
    op.execute(
        f"INSERT INTO usage_payer (content_key, {payer}, team_alias) SELECT {hashed(PAYER)}, {payer}, team_alias FROM"  # noqa: S608 - ours
        f" (SELECT {payer}, team_alias, ROW_NUMBER() OVER"
        f" (PARTITION BY {payer} ORDER BY team_alias IS NULL, day DESC, team_alias) AS place FROM {OLD}) AS named"
        f" WHERE place = 1 ORDER BY {payer}"
    )
    op.execute(
        f"INSERT INTO usage_model (content_key, {model})"  # noqa: S608 - ours
        f" SELECT DISTINCT {hashed(MODEL)}, {model} FROM {OLD} ORDER BY {model}"
    )
    joins = (
        f" JOIN usage_{name} AS {name} ON {name}.content_key = {hashed(columns, 'old.')}"
        for name, columns in SHARED.items()
    )
    sums = ", ".join(f"CAST(SUM(old.{name}) AS bigint)" for name in TOTALS)
    op.execute(
        f"INSERT INTO usage_day (day, payer_id, model_id, {', '.join(TOTALS)})"  # noqa: S608 - ours
        f" SELECT old.day, payer.id, model.id, {sums} FROM {OLD} AS old{''.join(joins)}"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )


def _days(*, is_postgresql: bool) -> str:
    """Put the parts of totals together again. The keys of payer and model, 16 bytes each, are one key."""
    dollars = "CAST({} / 1000000000.0 AS numeric(20, 9))" if is_postgresql else "{} / 1000000000.0"
    key = "payer.content_key || model.content_key"
    values = (
        *(f"day.{name}" for name in TOTALS),
        "day.day",
        f"{key if is_postgresql else f'CAST({key} AS BLOB)'} AS rollup_key",
        *(f"payer.{name}" for name in (*PAYER[:2], "team_alias", *PAYER[2:])),
        *(f"model.{name}" for name in MODEL),
        f"{dollars.format('day.cost_nano_usd')} AS cost_usd",
    )
    joins = (f" LEFT JOIN usage_{name} AS {name} ON {name}.id = day.{name}_id" for name in SHARED)
    return f"SELECT {', '.join(values)} FROM usage_day AS day{''.join(joins)}"  # noqa: S608 - ours


def _content_on_sqlite(columns: Sequence[str], of: str = "") -> str:
    return f"usage_content({', '.join(of + column for column in columns)})"


def _content_on_postgresql(columns: Sequence[str], of: str = "") -> str:
    texts = " || ".join(
        f"CASE WHEN {of}{column} IS NULL THEN '~' ELSE length({of}{column}) || ':' || {of}{column} END"
        for column in columns
    )
    return f"substring(sha256(convert_to({texts}, 'UTF8')) FOR 16)"


def content_key(*values: str | None) -> bytes:
    """Hash values with their lengths, so that no two combinations are written alike."""
    texts = ("~" if value is None else f"{len(value)}:{value}" for value in values)
    return hashlib.sha256("".join(texts).encode()).digest()[:16]
