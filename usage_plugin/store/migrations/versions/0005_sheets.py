"""Totals of stretches of time as columns in a blob, and which hours were written to since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "usage_touch",
        sa.Column("utc_hour", sa.Integer(), primary_key=True, autoincrement=False, nullable=False),
        sa.Column("writer", sa.BigInteger(), primary_key=True, autoincrement=False, nullable=False),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_segment",
        sa.Column("level", sa.Integer(), primary_key=True, autoincrement=False, nullable=False),
        sa.Column("start_quarter", sa.Integer(), primary_key=True, autoincrement=False, nullable=False),
        sa.Column("end_quarter", sa.Integer(), nullable=False),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("frozen_id", sa.BigInteger(), nullable=True),
        sa.Column("built_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "usage_value",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True, nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.UniqueConstraint("dimension", "value"),
    )
    _create_sheets()


def _create_sheets() -> None:
    op.create_table(
        "usage_sheet",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True, nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("section", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("start_quarter", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    wanted = ["dimension", "value", "section", "level", "start_quarter"]
    op.create_index("ux_usage_sheet_wanted", "usage_sheet", wanted, unique=True)
    op.create_index("ix_usage_sheet_start_quarter", "usage_sheet", ["start_quarter"])
    if op.get_bind().dialect.name == "postgresql":
        # It is compressed already.
        op.execute("ALTER TABLE usage_sheet ALTER COLUMN content SET STORAGE EXTERNAL")
